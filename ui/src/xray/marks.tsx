// Signs of the X-ray: one per lane and one per kind of step. Each stands beside its word, or has a label around it.
import type { Lane, TraceKind } from "./types.ts";

const LANE_PATHS: Record<Lane, string> = {
  producer: "M2.5 8 13.5 3l-3 10-3-4zM7.5 9l6-6",
  broker: "M2.5 9h3l1 2h3l1-2h3M2.5 9v4h11V9M4 6.500h8M5 4h6",
  worker: "M8 5.700a2.3 2.3 0 1 0 .01 0M8 2v2M8 12v2M2 8h2M12 8h2M3.800 3.800l1.400 1.400M10.800 10.800l1.400 1.400M3.800 12.200l1.400-1.400M10.800 5.200l1.400-1.400",
  state: "M3 4.200C3 3 5.200 2.200 8 2.200s5 .8 5 2-2.200 2-5 2-5-.8-5-2zM3 4.200v7.600c0 1.200 2.200 2 5 2s5-.8 5-2V4.200M3 8c0 1.200 2.200 2 5 2s5-.8 5-2",
  model: "M8 2.500v2M5 4.500h6a1.500 1.500 0 0 1 1.500 1.500v5a1.500 1.500 0 0 1-1.500 1.500H5A1.500 1.500 0 0 1 3.500 11V6A1.500 1.500 0 0 1 5 4.500zM6 8h.01M10 8h.01M6.500 10.300h3",
};

export function LaneMark({ lane, size = 16 }: { lane: Lane; size?: number }) {
  return (
    <svg className={`icon lane-${lane}`} width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path d={LANE_PATHS[lane]} />
    </svg>
  );
}

const KIND_PATHS: Record<TraceKind, string> = {
  published: "M2.5 4h11v8h-11zM2.5 4.500 8 9l5.500-4.500",
  delivered: "M2.5 6.500h11v6.500h-11zM2.5 7 8 10.500 13.5 7M8 1.500v4M6.200 4 8 5.800 9.800 4",
  acknowledged: "m3 8.5 3.3 3.300L13 4.7",
  rejected: "m4 4 8 8m0-8-8 8",
  command: "M3 4.500 6.500 8 3 11.500M8 12h5",
  event: "M4 14V2.500h8.500L10.500 5.500l2 3H4",
  call: "M2.5 3.500h11v7H8L5 13.500v-3H2.500z",
};

export const KIND_WORDS: Record<TraceKind, string> = {
  published: "message published",
  delivered: "message delivered",
  acknowledged: "message acknowledged",
  rejected: "message rejected",
  command: "command",
  event: "state change",
  call: "call of the model",
};

export function KindMark({ kind, size = 15 }: { kind: TraceKind; size?: number }) {
  return (
    <svg className={`icon kind-${kind}`} width={size} height={size} viewBox="0 0 16 16" role="img" aria-label={KIND_WORDS[kind]}>
      <path d={KIND_PATHS[kind]} />
    </svg>
  );
}
