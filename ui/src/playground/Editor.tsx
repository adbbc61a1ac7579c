import { autocompletion, type CompletionContext, type CompletionResult, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { EditorState, type Text } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useEffectEvent, useImperativeHandle, useRef, type Ref } from "react";
import type { DefinitionProblem } from "../api/generated.ts";
import type { Offer } from "./places.ts";
import { python } from "./python.ts";

/** The colours are the pages' own; both themes have them. */
const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent-text)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--ok)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--input)" },
  { tag: tags.comment, color: "var(--muted)" },
  { tag: [tags.punctuation, tags.separator, tags.brace, tags.squareBracket, tags.meta], color: "var(--muted)" },
]);

const LOOK = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--surface)", fontSize: "13px", height: "100%" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--muted)", border: "none" },
  ".cm-activeLine": { backgroundColor: "transparent" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--soft-running)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line-strong)", borderRadius: "6px", boxShadow: "var(--shadow-high)", maxWidth: "min(520px, 90vw)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionDetail": { color: "inherit", fontFamily: "var(--font)" },
  ".cm-diagnostic": { fontFamily: "var(--font)", whiteSpace: "pre-wrap" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--retrying)" },
});

export interface EditorHandle {
  /** Puts the cursor at a place, both from 1, and shows it. */
  go: (line: number, column: number) => void;
}

interface Given {
  label: string;
  /** YAML, if not given. */
  language?: "yaml" | "python";
  /** What is to be read; or, to be written on, what it begins with. */
  text: string;
  /** What is wrong with exactly this text. */
  problems: readonly DefinitionProblem[];
  /** Lines that stand before the text in the file that the problems count by. */
  before?: number;
  /** Without it, the text is only to be read. */
  onChange?: (text: string) => void;
  /** What may stand at the end of a text that is cut off at the cursor, and the part of it that is already there. */
  complete?: (text: string, cursor: number) => { word: string; offers: Offer[] } | null;
  ref?: Ref<EditorHandle>;
}

/** A text of YAML or Python in colours, with its problems underlined.
 *
 * It lives in a shadow root: there CodeMirror adopts style sheets, which the pages' policy allows; in the document
 * itself it would write a style element, which it does not. */
export function Editor({ label, language = "yaml", text, problems, before = 0, onChange, complete, ref }: Given) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const changed = useEffectEvent((now: string) => onChange?.(now));
  const offered = useEffectEvent((now: string, cursor: number) => complete?.(now, cursor) ?? null);
  const writable = onChange !== undefined;

  useEffect(() => {
    if (!host.current) return;
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open" });
    const source = (context: CompletionContext): CompletionResult | null => {
      const found = offered(context.state.doc.toString(), context.pos);
      const begun = found?.word || (language === "python" && context.state.sliceDoc(context.pos - 1, context.pos) === ".");
      if (!found || found.offers.length === 0 || (!context.explicit && !begun)) return null;
      const after = /^\s*:/.test(context.state.sliceDoc(context.pos, context.pos + 3));
      return {
        from: context.pos - found.word.length,
        validFor: language === "yaml" ? /^[\w.-]*$/ : /^\w*$/,
        options: found.offers.map(({ label, detail, kind }) => ({
          label,
          type: kind === "key" ? "property" : "variable",
          ...(detail ? (kind === "key" ? { info: detail } : { detail }) : {}),
          ...(kind === "key" && !after ? { apply: `${label}: ` } : {}),
        })),
      };
    };
    const made = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers({ formatNumber: (line) => String(line + before) }),
          language === "yaml" ? yaml() : python,
          syntaxHighlighting(COLOURS),
          LOOK,
          bracketMatching(),
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0", spellcheck: "false", autocapitalize: "off", translate: "no" }),
          lintGutter(),
          ...(writable
            ? [
                history(),
                drawSelection(),
                indentOnInput(),
                highlightActiveLine(),
                EditorState.tabSize.of(language === "yaml" ? 2 : 4),
                autocompletion({ override: [source], icons: false }),
                // Tab goes on to the next part of the page, as everywhere.
                keymap.of([...completionKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap]),
                EditorView.updateListener.of((update) => {
                  if (update.docChanged) changed(update.state.doc.toString());
                }),
              ]
            : [EditorState.readOnly.of(true), EditorView.lineWrapping, keymap.of(defaultKeymap)]),
        ],
      }),
    });
    view.current = made;
    return () => {
      made.destroy();
      view.current = undefined;
    };
  }, [label, language, writable, before]);

  useEffect(() => {
    const made = view.current;
    // What is written here is newer than what comes back of it.
    if (made && !writable && made.state.doc.toString() !== text) made.dispatch({ changes: { from: 0, to: made.state.doc.length, insert: text } });
  }, [text, writable]);

  useEffect(() => {
    const made = view.current;
    if (made) made.dispatch(setDiagnostics(made.state, problems.map((problem) => marked(made.state.doc, problem, before))));
  }, [problems, before]);

  useImperativeHandle(ref, () => ({
    go(line, column) {
      const made = view.current;
      if (!made) return;
      made.dispatch({ selection: { anchor: offset(made.state.doc, line, column) }, scrollIntoView: true });
      made.focus();
    },
  }));

  return <div className={writable ? "editor" : "editor still"} ref={host} />;
}

/** Lines and columns are the server's: from 1, in characters, not in halves of them. */
function offset(doc: Text, line: number, column: number): number {
  const found = doc.line(Math.min(doc.lines, Math.max(1, line)));
  const before = Array.from(found.text).slice(0, Math.max(0, column - 1)).join("");
  return found.from + before.length;
}

function marked(doc: Text, problem: DefinitionProblem, before: number): Diagnostic {
  const line = problem.line - before;
  const whole = doc.line(Math.min(doc.lines, Math.max(1, line)));
  const from = problem.line ? offset(doc, line, problem.column) : 0;
  const to = problem.line && problem.end_column ? offset(doc, line, problem.end_column) : from;
  return {
    from,
    to: Math.max(to, Math.min(from + 1, whole.to)),
    severity: problem.severity,
    message: problem.hint ? `${problem.message}\n${problem.hint}` : problem.message,
  };
}
