// What the server says about a text, a moment after it was written.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { call } from "../api/client.ts";

const PAUSE = 250;

/** `found` is about `of`, which is not yet the text while `waiting`: an answer to an older text is never taken for one
 * to the newer. */
export function useCheck(text: string, kind: "yaml" | "canvas") {
  const [asked, setAsked] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text), PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  const { data, error, refetch } = useQuery({
    queryKey: ["check", kind, asked],
    queryFn: async ({ signal }) => ({ of: asked, found: await call("check_definitions", { body: { text: asked, kind, graph: kind === "yaml" ? "canvas" : null } }, signal) }),
    placeholderData: (before) => before,
    staleTime: 30_000,
    gcTime: 30_000,
    retry: 1,
  });
  return { found: data?.found, of: data?.of, waiting: data?.of !== text, error, again: () => void refetch() };
}
