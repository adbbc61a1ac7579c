import type { PlanChange } from "../api/generated.ts";

/** How one plan became another one. */
export function PlanChanges({ change }: { change: PlanChange }) {
  return (
    <>
      <p className="muted">
        <span className="mono">{change.other_hash.slice(0, 8)}</span> became <span className="mono">{change.hash.slice(0, 8)}</span>.
        {change.settings.length > 0 && ` Beside the tasks: ${change.settings.join(", ")}.`}
      </p>
      <ul className="plan-changes">
        {change.added.map((key) => (
          <li key={`+${key}`}>
            <strong>{key}</strong> was added
          </li>
        ))}
        {change.removed.map((key) => (
          <li key={`-${key}`}>
            <strong>{key}</strong> is gone
          </li>
        ))}
        {change.changed.map((task) => (
          <li key={task.key}>
            <strong>{task.key}</strong>
            {task.fields.map((field) => (
              <span key={field.name} className="plan-field">
                {field.name}: <span className="mono value before">{field.before ?? "nothing"}</span> became{" "}
                <span className="mono value after">{field.after ?? "nothing"}</span>
              </span>
            ))}
          </li>
        ))}
      </ul>
      {change.left_out > 0 && <p className="muted">and {change.left_out} tasks more</p>}
    </>
  );
}
