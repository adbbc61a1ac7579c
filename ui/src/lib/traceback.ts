// A Python traceback, taken apart: which frames are the user's own.

export interface Frame {
  file: string;
  line: number;
  where: string;
  code: string[];
  own: boolean;
}

export interface Part {
  /** Lines that are no frame: headings, the exception itself. */
  text: string[];
  frames: Frame[];
}

const FRAME = /^\s+File "(.+)", line (\d+)(?:, in (.*))?$/;
const LIBRARY = /(?:site-packages|dist-packages|[/\\]lib[/\\]python\d|<frozen |umbel[/\\]celery[/\\])/;

/** The parts of a traceback in order; chained exceptions give several. */
export function parse(traceback: string): Part[] {
  const parts: Part[] = [];
  let part: Part = { text: [], frames: [] };
  let frame: Frame | null = null;
  for (const line of traceback.replace(/\n$/, "").split("\n")) {
    const found = FRAME.exec(line);
    if (found) {
      const file = found[1] ?? "";
      frame = { file, line: Number(found[2]), where: found[3] ?? "", code: [], own: !LIBRARY.test(file) };
      part.frames.push(frame);
    } else if (frame && /^\s{3,}/.test(line)) {
      frame.code.push(line);
    } else {
      if (part.frames.length && line.startsWith("Traceback ")) {
        parts.push(part);
        part = { text: [], frames: [] };
      }
      frame = null;
      part.text.push(line);
    }
  }
  parts.push(part);
  return parts;
}

/** A path as short as it stays clear: its last three parts. */
export function shortPath(file: string): string {
  const parts = file.split(/[/\\]/);
  return parts.length > 3 ? `…/${parts.slice(-3).join("/")}` : file;
}
