// The heart of Rock: what an environment is, and how it is spoken to. Nothing here needs an operating system.
//
//   Environment/   the protocol every environment conforms to, its spec, the registry, vector environments
//   Random/        generators bit-compatible with CPython's `random` and NumPy's `default_rng`
//   JSON/          a scanner that walks JSON in place, a value, a writer
//   State/         environments as values: saved to bytes, restored from bytes that nobody has to trust
//   RPC/           JSON-RPC 2.0 read in place and answered by splicing, and the table of every failure a caller can cause
//   Service/       what the rocklet answers: make, reset, step, render, … one line in, one line out
