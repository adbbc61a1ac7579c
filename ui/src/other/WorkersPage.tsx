export default function Stub(_: { id?: string; name?: string }) { return null; }
