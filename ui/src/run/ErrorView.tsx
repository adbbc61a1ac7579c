import { useMemo, useState } from "react";
import type { ErrorView as Failed } from "../api/generated.ts";
import { parse, type Frame, shortPath } from "../lib/traceback.ts";
import { Copy, Download } from "../parts/basics.tsx";

/** An exception: its message, then the frames of the user's own code; those of libraries are folded. */
export function ErrorView({ error, name }: { error: Failed; name: string }) {
  const parts = useMemo(() => (error.traceback ? parse(error.traceback) : []), [error.traceback]);
  return (
    <div className="error-view">
      <div className="json-head">
        <h3>{error.type ?? "Error"}</h3>
        <span className="json-tools">
          <Copy text={error.traceback ?? error.message} label="Copy the traceback" />
          <Download name={`${name}-traceback.txt`} type="text/plain" text={() => error.traceback ?? error.message} label="Download the traceback" />
        </span>
      </div>
      <pre className="message">{error.message}</pre>
      {parts.map((part, place) => (
        <div key={place} className="trace-part">
          <Frames frames={part.frames} />
          {place < parts.length - 1 && <p className="muted">{part.text.filter((line) => line && !line.startsWith("Traceback")).join(" ")}</p>}
        </div>
      ))}
    </div>
  );
}

function Frames({ frames }: { frames: readonly Frame[] }) {
  const groups: Frame[][] = [];
  for (const frame of frames) {
    const last = groups[groups.length - 1];
    if (last && last[0]?.own === frame.own) last.push(frame);
    else groups.push([frame]);
  }
  return groups.map((group, place) => (group[0]?.own ? group.map((frame) => <One key={frame.file + frame.line + frame.where} frame={frame} />) : <Library key={place} frames={group} />));
}

function Library({ frames }: { frames: readonly Frame[] }) {
  const [open, setOpen] = useState(false);
  const text = `${frames.length} ${frames.length === 1 ? "frame" : "frames"} of libraries`;
  return (
    <div className="frames-library">
      <button type="button" className="link" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? `Hide ${text}` : text}
      </button>
      {open && frames.map((frame, place) => <One key={place} frame={frame} />)}
    </div>
  );
}

function One({ frame }: { frame: Frame }) {
  return (
    <div className={frame.own ? "frame own" : "frame"}>
      <div title={frame.file}>
        <code>
          {shortPath(frame.file)}:{frame.line}
        </code>{" "}
        <span className="muted">in {frame.where}</span>
      </div>
      {frame.code.length > 0 && <pre>{frame.code.map((line) => line.trimStart()).join("\n")}</pre>}
    </div>
  );
}
