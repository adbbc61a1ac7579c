// Python's words in colours: as much of the language as a canvas has.
import { StreamLanguage } from "@codemirror/language";

const WORDS = /^(?:from|import|as|for|in|if|else|return|None|True|False)\b/;

export const python = StreamLanguage.define<Record<string, never>>({
  name: "python",
  startState: () => ({}),
  token(stream) {
    if (stream.eatSpace()) return null;
    if (stream.match(/^#.*/)) return "comment";
    if (stream.match(/^(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)/)) return "string";
    if (stream.match(/^\d[\w.]*/)) return "number";
    if (stream.match(WORDS)) return "keyword";
    if (stream.match(/^(?:chain|group|chord|signature)\b(?=\s*\()/)) return "propertyName";
    if (stream.match(/^[A-Za-z_]\w*/)) return "variableName";
    if (stream.match(/^[()[\]{},.:|=*]/)) return "punctuation";
    stream.next();
    return null;
  },
  languageData: { commentTokens: { line: "#" } },
});
