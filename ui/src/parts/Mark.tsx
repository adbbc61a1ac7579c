/** The umbel. */
export function Mark() {
  return (
    <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true" className="mark">
      <path d="M16 29v-9M16 20c0-6-6-7-9-11M16 20V8M16 20c0-6 6-7 9-11" fill="none" stroke="currentColor" strokeWidth="2.600" strokeLinecap="round" />
      <circle cx="6.500" cy="8" r="3.400" />
      <circle cx="16" cy="5.500" r="3.400" />
      <circle cx="25.500" cy="8" r="3.400" />
    </svg>
  );
}
