import type { CSSProperties } from "react";
import { Icon } from "../parts/Icon.tsx";
import type { Player } from "./usePlayer.ts";
import { SPEEDS } from "./usePlayer.ts";
import type { PhaseSum } from "./film.ts";

interface Given {
  player: Player;
  steps: readonly number[];
  /** Place of the shown step among them; -1 before the first. */
  place: number;
  says: string;
  /** What is played. */
  name: string;
  phases: readonly PhaseSum[];
  phase: string | null;
  go: (n: number | null) => void;
  big: boolean;
  enlarge: (() => void) | null;
}

/** Play, pause, one step on or back, how fast, and where: what a film has. */
export function PlayerBar({ player, steps, place, says, name, phases, phase, go, big, enlarge }: Given) {
  const none = steps.length === 0;
  return (
    <div className="player" role="group" aria-label="Player">
      <div className="player-buttons">
        <button type="button" className="icon-button" aria-label="Back to the start" title="Back to the start (Home)" disabled={place < 0} onClick={() => (player.pause(), go(null))}>
          <Glyph path="M4 3v10M13 3.500 6.500 8l6.500 4.500z" />
        </button>
        <button type="button" className="icon-button" aria-label="Previous step" title="Previous step (←)" disabled={none || place <= 0} onClick={() => player.by(-1)}>
          <Glyph path="M10 3.500 4.500 8l5.500 4.500" />
        </button>
        <button type="button" className="button primary player-play" aria-label={player.playing ? "Pause" : "Play"} title={`${player.playing ? "Pause" : "Play"} (space)`} disabled={none} onClick={player.toggle}>
          <Icon name={player.playing ? "pause" : "play"} />
        </button>
        <button type="button" className="icon-button" aria-label="Next step" title="Next step (→)" disabled={none || place >= steps.length - 1} onClick={() => player.by(1)}>
          <Glyph path="M6 3.500 11.500 8 6 12.500" />
        </button>
        <label className="player-speed">
          <span className="hidden">Speed</span>
          <select value={player.speed} onChange={(event) => player.setSpeed(Number(event.target.value))} title="Speed">
            {SPEEDS.map((speed) => (
              <option key={speed} value={speed}>
                {speed}×
              </option>
            ))}
          </select>
        </label>
      </div>
      <input
        type="range"
        className="player-scrub"
        aria-label="Step"
        aria-valuetext={place < 0 ? "before the first step" : `step ${place + 1} of ${steps.length}: ${says}`}
        min={0}
        max={steps.length}
        value={place + 1}
        disabled={none}
        style={{ "--played": `${none ? 0 : ((place + 1) / steps.length) * 100}%` } as CSSProperties}
        onChange={(event) => {
          player.pause();
          go(steps[Number(event.target.value) - 1] ?? null);
        }}
      />
      <span className="number player-count">
        {place < 0 ? `${steps.length} steps` : `${place + 1} of ${steps.length}`}
      </span>
      {enlarge && (
        <button type="button" className="icon-button" aria-pressed={big} aria-label="Full screen" title="Full screen, for all to see" onClick={enlarge}>
          <Icon name="fit" />
        </button>
      )}
      {phases.length > 1 && (
        <nav className="player-phases" aria-label={`Phases of ${name}`}>
          {phases.map((each) => (
            <button type="button" key={each.phase} aria-current={each.phase === phase ? "step" : undefined} onClick={() => (player.pause(), go(each.first))}>
              {each.phase}
            </button>
          ))}
        </nav>
      )}
    </div>
  );
}

function Glyph({ path }: { path: string }) {
  return (
    <svg className="icon" width={16} height={16} viewBox="0 0 16 16" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}
