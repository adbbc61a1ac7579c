// What is asked of the server, with the key under which the answer is kept.
import { queryOptions } from "@tanstack/react-query";
import { call } from "./client.ts";
import type { Operations } from "./generated.ts";

export type RunsAsked = Operations["list_runs"]["query"];

export const runsQuery = (query: RunsAsked) =>
  queryOptions({ queryKey: ["runs", query], queryFn: ({ signal }) => call("list_runs", { query }, signal) });

export const runQuery = (id: string) =>
  queryOptions({ queryKey: ["run", id], queryFn: ({ signal }) => call("get_run", { path: { run_id: id } }, signal) });

export const diagnosisQuery = (id: string, version: unknown) =>
  queryOptions({
    queryKey: ["diagnosis", id, version],
    queryFn: ({ signal }) => call("diagnose_run", { path: { run_id: id } }, signal),
    placeholderData: (before) => before,
  });

export const compareQuery = (id: string, other: string) =>
  queryOptions({ queryKey: ["compare", id, other], queryFn: ({ signal }) => call("compare_runs", { path: { run_id: id, other } }, signal), retry: false });

export const definitionsQuery = () =>
  queryOptions({ queryKey: ["definitions"], queryFn: ({ signal }) => call("list_definitions", {}, signal), staleTime: 10_000 });

export const definitionQuery = (name: string) =>
  queryOptions({
    queryKey: ["definition", name],
    queryFn: ({ signal }) => call("get_definition", { path: { name } }, signal),
    staleTime: 5_000,
  });

export const versionsQuery = (name: string) =>
  queryOptions({ queryKey: ["versions", name], queryFn: ({ signal }) => call("list_definition_versions", { path: { name } }, signal), refetchInterval: 15_000, retry: false });

export const playgroundQuery = () =>
  queryOptions({ queryKey: ["playground"], queryFn: ({ signal }) => call("get_playground", {}, signal), staleTime: 10_000 });

export const schedulesQuery = () =>
  queryOptions({ queryKey: ["schedules"], queryFn: ({ signal }) => call("list_schedules", {}, signal), refetchInterval: 15_000 });

/** Accounts and tokens are asked for together: key "access". */
export const usersQuery = () => queryOptions({ queryKey: ["access", "users"], queryFn: ({ signal }) => call("list_users", {}, signal) });

export const tokensQuery = () => queryOptions({ queryKey: ["access", "tokens"], queryFn: ({ signal }) => call("list_tokens", {}, signal) });

export const queuesQuery = () =>
  queryOptions({ queryKey: ["queues"], queryFn: ({ signal }) => call("list_queues", {}, signal), refetchInterval: 2_000 });

export const workersQuery = () =>
  queryOptions({ queryKey: ["workers"], queryFn: ({ signal }) => call("list_workers", {}, signal), refetchInterval: 3_000 });
