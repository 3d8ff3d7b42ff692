package import GEM
import Glibc

/// The file this process runs.
private func executablePath() -> String {
    var room = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = room.withUnsafeMutableBytes { bytes in
        guard let start = bytes.baseAddress else { return 0 }
        return readlink("/proc/self/exe", start.assumingMemoryBound(to: CChar.self), bytes.count)
    }
    return String(decoding: room.prefix(max(0, count)), as: UTF8.self)
}

/// Looks for the rocklet where a build and where an installation puts it.
///
/// - Throws: ``Failure`` that lists the places.
package func findRocklet() throws(Failure) -> String {
    let executable = executablePath()
    let folder = String(executable[..<(executable.lastIndex(of: "/") ?? executable.startIndex)])
    let places = [folder + "/rocklet", folder + "/../libexec/rock/rocklet"]
    guard let found = places.first(where: { access($0, X_OK) == 0 }) else {
        throw Failure(
            .infraFailed,
            "There is no rocklet at \(places.joined(separator: " or ")). Build it, or name it in the configuration under sandboxes, rocklet."
        )
    }
    return found
}
