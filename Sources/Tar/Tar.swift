// The tar format, taken apart and put together in memory: POSIX ustar and pax, and GNU's long names and large numbers.
// Nothing here touches a file; nothing in an archive is trusted.
//
//   TarEntry.swift            one member
//   TarHeader.swift           the 512 bytes in front of one
//   TarExtensions.swift       what extended headers say about the next one
//   TarEntry+Encoding.swift   a member as bytes
//   TarParser.swift           an archive that arrives in portions

extension Collection<UInt8> {
    /// As text; what is no UTF-8 is replaced.
    var text: String { String(decoding: self, as: UTF8.self) }
}
