import CLinux
import Glibc
import Testing

@testable import Transport

/// A file that no folder names.
func temporaryFile(_ bytes: [UInt8] = []) throws -> OpenFile {
    var template = Array("/tmp/rock-transport-XXXXXX".utf8CString)
    let file = OpenFile(OwnedDescriptor(try SystemCallError.check(mkstemp(&template), "mkstemp")))
    unlink(template)
    try SystemCallError.check(rock_write_all(file.rawValue, bytes, bytes.count), "write")
    return file
}

/// Everything in a file.
func contents(of file: OpenFile) -> [UInt8] {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 18)
    while case let count = pread(file.rawValue, &piece, piece.count, bytes.count), count > 0 {
        bytes += piece[..<count]
    }
    return bytes
}

/// Bytes that no shift or repetition maps onto themselves.
func patterned(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 15) }
}
