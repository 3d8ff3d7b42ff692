// Files that people write for Rock, read so that no mistake in them passes in silence.
//
//   YAML.swift                    a document, each node with its line
//   ConfigurationSection.swift    a mapping, key by key; what nobody asked for is an error
//   ByteCount.swift               sizes as people write them
