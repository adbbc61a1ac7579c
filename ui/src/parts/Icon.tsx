// Line icons of the interface itself (states have their own: State.tsx).
const PATHS = {
  runs: "M3 4h10M3 8h7M3 12h4",
  definitions: "M3 3h3.500v3H3zM9.5 10H13v3H9.500zM3 10h3.500v3H3zM4.7 6v4M6.5 4.500h3a1.7 1.7 0 0 1 1.7 1.700V10",
  playground: "M6.5 2.500v4L3 12.800a.5.5 0 0 0 .45.700h9.1a.5.5 0 0 0 .45-.7L9.500 6.500v-4M5.500 2.500h5M5 10h6",
  schedules: "M8 2.200a5.8 5.8 0 1 0 .01 0M8 5v3.200l2.2 1.4",
  workers: "M3 3.500h10v6H3zM6 12.500h4M8 9.500v3",
  queues: "M2.500 5h3v6h-3zM6.500 5h3v6h-3zM10.500 5h3v6h-3z",
  search: "M7 2.700a4.3 4.3 0 1 0 .01 0M10.2 10.200l3.3 3.3",
  sun: "M8 5.200a2.8 2.8 0 1 0 .01 0M8 1.500v1.300M8 13.200v1.300M1.5 8h1.300M13.2 8h1.300M3.4 3.400l.9.900M11.7 11.700l.9.900M3.4 12.600l.9-.900M11.7 4.300l.9-.9",
  moon: "M13 9.500A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.500z",
  auto: "M8 2.200a5.8 5.8 0 1 0 .01 0M8 2.200v11.6",
  copy: "M5.5 5.500h7v7h-7zM3.5 10.500v-7h7",
  download: "M8 2.500v7.500M5 7l3 3 3-3M3 13h10",
  close: "M4 4l8 8M12 4l-8 8",
  play: "M5 3.500v9l7.5-4.500z",
  stop: "M4 4h8v8H4z",
  again: "M13 8a5 5 0 1 1-1.6-3.700M13.2 2v3h-3",
  pause: "M5.5 3.500v9M10.5 3.500v9",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3",
  chevron: "M6 4l4 4-4 4",
  follow: "M8 2v2.500M8 11.500V14M2 8h2.500M11.5 8H14M8 6a2 2 0 1 0 .01 0",
  keyboard: "M2 4.500h12v7H2zM4.5 7h.010M7 7h.010M9.5 7h.010M12 7h.010M5 9.500h6",
  user: "M8 2.5a2.7 2.7 0 1 0 .01 0M2.800 13.500c.6-2.900 2.6-4.300 5.200-4.300s4.6 1.400 5.200 4.300",
  agent: "M3.500 6h9v7h-9zM8 6V3.500M8 2.500a.5.5 0 1 0 .01 0M6 9v1M10 9v1M1.500 8.500v2M14.5 8.500v2",
  learn: "M1.500 6 8 3l6.500 3L8 9zM4.500 7.400v3.400c1.800 1.600 5.200 1.600 7 0V7.400M14.500 6v4.500",
  filter: "M2.5 3.500h11L9.5 8.500v4l-3-1.500V8.500z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
