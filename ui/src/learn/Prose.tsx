import { type ReactNode, useMemo } from "react";
import { Link } from "wouter";
import { StateIcon } from "../parts/State.tsx";
import { type Block, blocks, harmless, type Inline, inlines } from "./markdown.ts";
import type { Language } from "./words.ts";
import { WORDS } from "./words.ts";

/** What is known of the claims of a text: whether they hold, and what shows it. */
export interface Proof {
  language: Language;
  holds: (claim: string) => boolean | null;
  /** Shows the X-ray that a claim is about; null if there is none. */
  show: (claim: string) => (() => void) | null;
}

/** Markdown as elements. */
export function Prose({ text, proof }: { text: string; proof?: Proof }) {
  const found = useMemo(() => blocks(text), [text]);
  return <div className="prose">{found.map((block, place) => drawn(block, place, proof))}</div>;
}

/** Markdown within a line. */
export function Line({ text }: { text: string }) {
  return useMemo(() => inlines(text), [text]).map((each, place) => within(each, place, undefined));
}

function drawn(block: Block, key: number, proof: Proof | undefined): ReactNode {
  switch (block.kind) {
    case "paragraph":
      return <p key={key}>{block.inside.map((each, place) => within(each, place, proof))}</p>;
    case "code":
      return (
        <pre key={key} tabIndex={0}>
          {block.text}
        </pre>
      );
    case "quote":
      return <blockquote key={key}>{block.inside.map((each, place) => drawn(each, place, proof))}</blockquote>;
    case "list":
      return (
        <ul key={key}>
          {block.items.map((item, place) => (
            <li key={place}>{item.length === 1 && item[0]?.kind === "paragraph" ? item[0].inside.map((each, nth) => within(each, nth, proof)) : item.map((each, nth) => drawn(each, nth, proof))}</li>
          ))}
        </ul>
      );
  }
}

function within(part: Inline, key: number, proof: Proof | undefined): ReactNode {
  if (typeof part === "string") return part;
  if (part.kind === "code") return <code key={key}>{part.text}</code>;
  const inside = part.inside.map((each, place) => within(each, place, proof));
  if (part.kind === "em") return <em key={key}>{inside}</em>;
  if (part.kind === "strong") return <strong key={key}>{inside}</strong>;
  if (part.to.startsWith("#claim:") && proof) return <Claim key={key} name={part.to.slice(7)} proof={proof}>{inside}</Claim>;
  if (!harmless(part.to)) return <span key={key}>{inside}</span>;
  if (part.to.startsWith("/")) return <Link key={key} href={part.to}>{inside}</Link>;
  return (
    <a key={key} href={part.to} rel="noreferrer">
      {inside}
    </a>
  );
}

/** A sentence that was held against the recording. */
function Claim({ name, proof, children }: { name: string; proof: Proof; children: ReactNode }) {
  const holds = proof.holds(name);
  const show = proof.show(name);
  const words = WORDS[proof.language];
  const said = holds === null ? undefined : holds ? words.holds : words.fails;
  const inside = (
    <>
      {children}
      {said && (
        <>
          {"\u2060"}
          <StateIcon state={holds ? "success" : "error"} size={12} />
          <span className="hidden"> ({said})</span>
        </>
      )}
    </>
  );
  const common = { className: "claim", "data-claim": name, "data-holds": String(holds), title: said };
  if (!show) return <span {...common}>{inside}</span>;
  return (
    <a
      {...common}
      href="#xray"
      onClick={(event) => {
        event.preventDefault();
        show();
      }}
    >
      {inside}
    </a>
  );
}
