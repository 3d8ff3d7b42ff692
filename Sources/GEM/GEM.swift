// The heart of Rock: what an environment is, and how it is spoken to. Nothing here needs an operating system.
//
//   Environment/   the protocol every environment conforms to, its spec, the registry, vector environments
//   Random/        generators bit-compatible with CPython's `random` and NumPy's `default_rng`
//   JSON/          one JSON parser, one writer
//   RPC/           JSON-RPC 2.0, and the table of every failure a caller can cause
//   Service/       what the rocklet answers: make, reset, step, render, … one line in, one line out
