import { look, type Shape } from "./states.ts";

const PATHS: Record<Shape, React.ReactNode> = {
  dots: <path d="M4 8h.01M8 8h.01M12 8h.01" strokeWidth="2.4" />,
  hourglass: <path d="M5 2.5h6M5 13.5h6M5.5 2.5c0 3 2.5 4 2.5 5.5S5.5 10.5 5.5 13.500M10.5 2.500c0 3-2.5 4-2.5 5.500s2.5 2.5 2.5 5.5" />,
  clock: <path d="M8 2.200a5.8 5.8 0 1 0 .01 0M8 5v3.200l2.2 1.4" />,
  arc: <path className="spin" d="M8 2.200a5.8 5.8 0 1 1-5.8 5.8" strokeWidth="2" />,
  stack: <path d="M2.5 5.5 8 2.500l5.5 3L8 8.500zM2.5 8.3 8 11.300l5.5-3M2.5 11 8 14l5.5-3" />,
  person: <path d="M8 8a2.6 2.6 0 1 0-.01 0M3 13.800c.5-2.8 2.4-4 5-4s4.5 1.2 5 4" />,
  again: <path d="M13 8a5 5 0 1 1-1.6-3.700M13.2 2v3h-3" strokeWidth="1.8" />,
  check: <path d="m3 8.5 3.3 3.300L13 4.7" strokeWidth="2.2" />,
  cross: <path d="m4 4 8 8m0-8-8 8" strokeWidth="2.2" />,
  skip: <path d="m3 4 4.5 4L3 12zM12 4v8M8 4l4 4-4 4" />,
  slash: <path d="M8 2.200a5.8 5.8 0 1 0 .01 0M4 12l8-8" strokeWidth="1.8" />,
  chain: <path d="M2.5 8h3.200M10.3 8h3.200M7 5.200v5.600M9 5.200v5.6" strokeWidth="1.8" />,
  bolt: <path d="M9 1.8 4 9h3.500L7 14.2 12 7H8.500z" />,
  shield: <path d="M8 2 3.5 3.700v3.800c0 3 2 5.2 4.5 6.5 2.5-1.3 4.5-3.5 4.5-6.500V3.700zM6 8h4" />,
  pause: <path d="M5.5 3.500v9M10.5 3.500v9" strokeWidth="2.4" />,
};

/** The icon of a state; it needs its word beside it, or a label around it. */
export function StateIcon({ state, size = 16 }: { state: string; size?: number }) {
  const { tone, shape } = look(state);
  return (
    <svg className={`icon tone-${tone}`} width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      {PATHS[shape]}
    </svg>
  );
}

/** Icon and word. */
export function State({ state, size }: { state: string; size?: number }) {
  const { word, tone } = look(state);
  return (
    <span className={`state tone-${tone}`} data-state={state}>
      <StateIcon state={state} {...(size ? { size } : {})} />
      <span>{word}</span>
    </span>
  );
}
