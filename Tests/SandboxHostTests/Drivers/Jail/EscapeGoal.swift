import CLinux
import GEM
import Glibc
import Testing

@testable import SandboxHost

/// A goal on this machine, taken away afterwards.
func withGoal(_ body: (EscapeAttempt.Goal, String) async throws -> Void) async throws {
    let folder = "/tmp/rock-goal-\(SandboxID.random().rawValue.prefix(12))"
    try #require(mkdir(folder, 0o755) == 0 && mkdir(folder + "/shared", 0o755) == 0)
    defer { rock_tree_remove(folder) }
    #expect(
        KernelFile.create(folder + "/secret", "the machine's own\n")
            && symlink("\(folder)/secret", folder + "/shared/link") == 0)
    #expect(KernelFile.create(folder + "/program", "#!/bin/sh\n"))
    let tcp = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let unix = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer {
        close(tcp)
        close(unix)
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer -> UInt16? in
            guard bind(tcp, pointer, length) == 0, listen(tcp, 8) == 0, getsockname(tcp, pointer, &length) == 0
            else {
                return nil
            }
            return 1
        }
    }
    try #require(port != nil)
    let name = "rock-goal-\(getpid())"
    var abstract = sockaddr_un()
    abstract.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &abstract.sun_path) { room in
        for (index, byte) in name.utf8.enumerated() { room[index + 1] = byte }
    }
    let size = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.utf8.count)
    let isBound = withUnsafePointer(to: &abstract) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(unix, $0, size) == 0 && listen(unix, 8) == 0
        }
    }
    try #require(isBound)
    let process = try Program.spawn("/bin/sleep", ["1000"])
    defer {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }
    let goal = EscapeAttempt.Goal(
        secret: folder + "/secret", process: process, port: UInt16(bigEndian: address.sin_port), socket: name,
        program: folder + "/program", shared: folder + "/shared")
    try await body(goal, folder)
}

extension KernelFile {
    /// A new file that holds `text`.
    fileprivate static func create(_ path: String, _ text: String) -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var text = text
        return text.withUTF8 { Glibc.write(descriptor, $0.baseAddress, $0.count) == $0.count }
    }
}
