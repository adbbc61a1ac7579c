import { memo, type ReactNode, useCallback, useEffect, useEffectEvent, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Icon } from "../parts/Icon.tsx";
import { look } from "../parts/states.ts";
import { layout, type Edge, type Layout } from "./layout.ts";

export const SIZE = { width: 196, height: 54, gapX: 56, gapY: 18 };
const LEAST = 0.05;
const MOST = 2;
/** With more tasks than this, only what is in view is drawn. */
const CULL = 200;

export interface GraphNode {
  id: string;
  needs: readonly string[];
  state: string;
  /** Beside the definition's own tasks, such as a hook. */
  aside?: boolean;
  body: ReactNode;
}

interface View {
  x: number;
  y: number;
  k: number;
}

interface Box {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

/** A DAG to look at: drag to move, Ctrl and wheel (or two fingers) to zoom, arrow keys from task to task. */
export function Graph({ nodes, selected, onSelect, follow }: { nodes: readonly GraphNode[]; selected: string | null; onSelect: (id: string) => void; follow?: string | null }) {
  const shape = nodes.map((node) => `${node.id}<${node.needs.join(",")}`).join(";");
  // The places depend on the shape alone, not on states that change while one looks.
  const found = useMemo<Layout>(() => layout(nodes, SIZE), [shape]);
  const frame = useRef<HTMLDivElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const view = useRef<View>({ x: 0, y: 0, k: 1 });
  const seenFrame = useRef<SVGRectElement>(null);
  const [far, setFar] = useState(false);
  const [cull, setCull] = useState<Box | null>(null);
  const [whole, setWhole] = useState(true);
  const [height, setHeight] = useState(0);
  const touched = useRef(false);
  const pending = useRef(0);

  const show = useCallback(() => {
    const { x, y, k } = view.current;
    if (layer.current) layer.current.style.transform = `translate(${x}px, ${y}px) scale(${k})`;
    if (pending.current) return;
    pending.current = requestAnimationFrame(() => {
      pending.current = 0;
      const box = frame.current?.getBoundingClientRect();
      if (!box) return;
      const now = view.current;
      const seen = { x1: -now.x / now.k, y1: -now.y / now.k, x2: (box.width - now.x) / now.k, y2: (box.height - now.y) / now.k };
      setFar(now.k < 0.42);
      setWhole(seen.x1 <= 0 && seen.y1 <= 0 && seen.x2 >= found.width && seen.y2 >= found.height);
      setCull((before) => rounded(seen, before));
      frameOf(seenFrame.current, seen);
    });
  }, [found]);
  useEffect(() => () => cancelAnimationFrame(pending.current), []);

  const fit = useCallback(
    (readable: boolean) => {
      const box = frame.current?.getBoundingClientRect();
      if (!box) return;
      const pad = 24;
      const high = (box.height - 2 * pad) / found.height;
      const whole = Math.min(1, Math.max(LEAST, Math.min((box.width - 2 * pad) / found.width, high)));
      // What is too long to be read when all of it is shown begins at its left end, as high as there is room.
      const k = readable ? Math.max(whole, Math.min(0.7, Math.max(LEAST, high))) : whole;
      const wide = found.width * k;
      view.current = { k, x: wide + 2 * pad > box.width + 1 ? pad : (box.width - wide) / 2, y: (box.height - found.height * k) / 2 };
      touched.current = false;
      show();
    },
    [found, show],
  );

  const zoom = useCallback(
    (factor: number, at?: { x: number; y: number }) => {
      const box = frame.current?.getBoundingClientRect();
      if (!box) return;
      const centre = at ?? { x: box.width / 2, y: box.height / 2 };
      const now = view.current;
      const k = Math.min(MOST, Math.max(LEAST, now.k * factor));
      view.current = { k, x: centre.x - ((centre.x - now.x) * k) / now.k, y: centre.y - ((centre.y - now.y) * k) / now.k };
      touched.current = true;
      show();
    },
    [show],
  );

  const centre = useCallback(
    (id: string, always: boolean) => {
      const node = found.nodes.get(id);
      const box = frame.current?.getBoundingClientRect();
      if (!node || !box) return;
      const { x, y, k } = view.current;
      const left = node.x * k + x;
      const top = node.y * k + y;
      const inside = left >= 8 && top >= 8 && left + SIZE.width * k <= box.width - 8 && top + SIZE.height * k <= box.height - 8;
      if (inside && !always) return;
      view.current = { k, x: box.width / 2 - (node.x + SIZE.width / 2) * k, y: box.height / 2 - (node.y + SIZE.height / 2) * k };
      show();
    },
    [found, show],
  );

  useLayoutEffect(() => {
    setHeight(Math.min(Math.max(found.height + 90, 230), Math.max(320, window.innerHeight * 0.62)));
  }, [found]);
  useLayoutEffect(() => {
    if (height) fit(true);
  }, [height, fit]);
  const refit = useEffectEvent(() => (touched.current ? show() : fit(true)));
  useEffect(() => {
    const place = frame.current;
    if (!place) return;
    const watch = new ResizeObserver(() => refit());
    watch.observe(place);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (follow) centre(follow, false);
  }, [follow, centre]);
  useEffect(() => {
    if (selected) centre(selected, false);
  }, [selected, centre, height]);

  useEffect(() => {
    const place = frame.current;
    if (!place) return;
    function onWheel(event: WheelEvent) {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 200), { x: event.clientX - box.left, y: event.clientY - box.top });
    }
    place.addEventListener("wheel", onWheel, { passive: false });
    return () => place.removeEventListener("wheel", onWheel);
  }, [zoom]);

  const fingers = useRef(new Map<number, { x: number; y: number }>());
  const moved = useRef(0);
  function onDown(event: React.PointerEvent) {
    if (event.button !== 0 || (event.target as Element).closest(".graph-tools, .minimap")) return;
    fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    moved.current = 0;
  }
  function onMove(event: React.PointerEvent) {
    const before = fingers.current.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...fingers.current].find(([id]) => id !== event.pointerId)?.[1];
    fingers.current.set(event.pointerId, now);
    moved.current += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    if (moved.current > 4 && !frame.current?.hasPointerCapture(event.pointerId)) frame.current?.setPointerCapture(event.pointerId);
    if (other) {
      const box = frame.current?.getBoundingClientRect();
      const apart = (one: { x: number; y: number }) => Math.hypot(one.x - other.x, one.y - other.y);
      if (box && apart(before) > 0) zoom(apart(now) / apart(before), { x: (now.x + other.x) / 2 - box.left, y: (now.y + other.y) / 2 - box.top });
      return;
    }
    if (moved.current <= 4) return;
    view.current = { ...view.current, x: view.current.x + now.x - before.x, y: view.current.y + now.y - before.y };
    touched.current = true;
    show();
  }
  function onUp(event: React.PointerEvent) {
    fingers.current.delete(event.pointerId);
  }

  function onKey(event: React.KeyboardEvent) {
    if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit(false);
    else if (event.key.startsWith("Arrow")) {
      const id = (event.target as HTMLElement).dataset.node;
      const next = id && neighbour(found, id, event.key);
      if (!next) return;
      centre(next, false);
      requestAnimationFrame(() => frame.current?.querySelector<HTMLElement>(`[data-node="${CSS.escape(next)}"]`)?.focus({ preventScroll: true }));
    } else return;
    event.preventDefault();
  }

  const inView = (box: Box) => nodes.length <= CULL || !cull || (box.x2 >= cull.x1 && box.x1 <= cull.x2 && box.y2 >= cull.y1 && box.y1 <= cull.y2);
  const states = new Map(nodes.map((node) => [node.id, node.state]));
  return (
    <div
      className={far ? "graph far" : "graph"}
      ref={frame}
      style={{ height: height || 320 }}
      role="group"
      aria-label={`Graph of ${nodes.length} tasks. Arrow keys go from task to task.`}
      onPointerDown={onDown}
      onPointerMove={onMove}
      onPointerUp={onUp}
      onPointerCancel={onUp}
      onClickCapture={(event) => {
        if (moved.current > 4) event.stopPropagation();
        moved.current = 0;
      }}
      onKeyDown={onKey}
    >
      <div className="graph-layer" ref={layer}>
        <svg className="graph-edges" width={found.width} height={found.height} aria-hidden="true">
          {found.edges.map((edge) => inView(edge.box) && <EdgeLine key={`${edge.from} ${edge.to}`} edge={edge} state={states.get(edge.from) ?? ""} active={edge.from === selected || edge.to === selected} />)}
        </svg>
        {nodes.map((node) => {
          const place = found.nodes.get(node.id);
          if (!place) return null;
          const box = { x1: place.x, y1: place.y, x2: place.x + SIZE.width, y2: place.y + SIZE.height };
          if (!inView(box) && node.id !== selected) return null;
          return <NodeBox key={node.id} node={node} x={place.x} y={place.y} selected={node.id === selected} onSelect={onSelect} />;
        })}
      </div>
      <div className="graph-tools">
        <button type="button" className="icon-button" aria-label="Zoom in" onClick={() => zoom(1.3)}>
          <Icon name="plus" />
        </button>
        <button type="button" className="icon-button" aria-label="Zoom out" onClick={() => zoom(1 / 1.3)}>
          <Icon name="minus" />
        </button>
        <button type="button" className="icon-button" aria-label="Fit the whole graph" onClick={() => fit(false)}>
          <Icon name="fit" />
        </button>
      </div>
      {!whole && <Minimap found={found} nodes={nodes} view={seenFrame} shown={show} go={(x, y) => {
        const box = frame.current?.getBoundingClientRect();
        if (!box) return;
        view.current = { ...view.current, x: box.width / 2 - x * view.current.k, y: box.height / 2 - y * view.current.k };
        touched.current = true;
        show();
      }} />}
    </div>
  );
}

const NodeBox = memo(function NodeBox({ node, x, y, selected, onSelect }: { node: GraphNode; x: number; y: number; selected: boolean; onSelect: (id: string) => void }) {
  return (
    <button
      type="button"
      className={`node tone-${look(node.state).tone}${node.aside ? " aside" : ""}`}
      data-node={node.id}
      data-state={node.state}
      aria-pressed={selected}
      style={{ transform: `translate(${x}px, ${y}px)`, width: SIZE.width, height: SIZE.height }}
      onClick={() => onSelect(node.id)}
    >
      {node.body}
    </button>
  );
});

const EdgeLine = memo(function EdgeLine({ edge, state, active }: { edge: Edge; state: string; active: boolean }) {
  const passed = state === "success" || state === "skipped";
  const failed = state === "error" || state === "upstream_failed";
  return <path d={edge.path} className={`edge${passed ? " passed" : ""}${failed ? " failed" : ""}${active ? " active" : ""}`} />;
});

/** What is in view with some of its surroundings, in steps: small moves draw nothing anew. */
function rounded(seen: Box, before: Box | null): Box {
  const step = 600;
  const next = {
    x1: (Math.floor(seen.x1 / step) - 1) * step,
    y1: (Math.floor(seen.y1 / step) - 1) * step,
    x2: (Math.ceil(seen.x2 / step) + 1) * step,
    y2: (Math.ceil(seen.y2 / step) + 1) * step,
  };
  return before && next.x1 === before.x1 && next.y1 === before.y1 && next.x2 === before.x2 && next.y2 === before.y2 ? before : next;
}

/** Puts the frame of the minimap around what is seen. */
function frameOf(rect: SVGRectElement | null, seen: Box): void {
  rect?.setAttribute("x", String(seen.x1));
  rect?.setAttribute("y", String(seen.y1));
  rect?.setAttribute("width", String(seen.x2 - seen.x1));
  rect?.setAttribute("height", String(seen.y2 - seen.y1));
}

function Minimap({ found, nodes, view, shown, go }: { found: Layout; nodes: readonly GraphNode[]; view: React.RefObject<SVGRectElement | null>; shown: () => void; go: (x: number, y: number) => void }) {
  useEffect(() => shown(), [shown]);
  const picture = useMemo(
    () =>
      nodes.map((node) => {
        const place = found.nodes.get(node.id);
        return place && <rect key={node.id} className={`fill-${look(node.state).tone}`} x={place.x} y={place.y} width={SIZE.width} height={SIZE.height} />;
      }),
    [nodes, found],
  );
  const scale = Math.min(170 / found.width, 110 / found.height);
  const width = Math.max(30, found.width * scale);
  const height = Math.max(24, found.height * scale);
  function point(event: React.PointerEvent<SVGSVGElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    go(((event.clientX - box.left) / box.width) * found.width, ((event.clientY - box.top) / box.height) * found.height);
  }
  return (
    <svg
      className="minimap"
      width={width}
      height={height}
      viewBox={`0 0 ${found.width} ${found.height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        point(event);
      }}
      onPointerMove={(event) => event.buttons === 1 && point(event)}
    >
      {picture}
      <rect className="minimap-view" ref={view} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

/** The task that an arrow key leads to. */
function neighbour(found: Layout, id: string, key: string): string | undefined {
  const here = found.nodes.get(id);
  if (!here) return undefined;
  const nearest = (ids: string[]) => ids.sort((one, two) => Math.abs((found.nodes.get(one)?.y ?? 0) - here.y) - Math.abs((found.nodes.get(two)?.y ?? 0) - here.y))[0];
  if (key === "ArrowRight") return nearest(found.edges.filter((edge) => edge.from === id).map((edge) => edge.to));
  if (key === "ArrowLeft") return nearest(found.edges.filter((edge) => edge.to === id).map((edge) => edge.from));
  const column = [...found.nodes.values()].filter((node) => node.layer === here.layer).sort((one, two) => one.y - two.y);
  return column[column.findIndex((node) => node.id === id) + (key === "ArrowDown" ? 1 : -1)]?.id;
}
