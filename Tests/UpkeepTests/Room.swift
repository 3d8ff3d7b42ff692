import Foundation
import GEM
import Glibc
import SandboxHost
import Testing
import Transport

@testable import Upkeep

/// A folder, a machine without drivers, and a worker there.
final class Room: Sendable {
    let path: String
    static let loops = Result { try EventLoopGroup(count: 1) }

    init() throws {
        path = "/tmp/rock-upkeep-\(UUID().uuidString)"
        try #require(mkdir(path, 0o700) == 0)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func workplace(_ images: [any ImageUpkeep] = [], uses: [String: Int64] = [:]) throws -> Workplace {
        let loops = try Self.loops.get()
        return Workplace(
            images: images, machine: Machine(drivers: [], defaultDriver: "jail", loops: loops), folder: path,
            logs: path,
            fileRoots: [path], wanted: { .success([]) }, imageUses: { uses }, loop: loops.next())
    }

    func worker(_ images: [any ImageUpkeep] = []) throws -> LocalWorker {
        LocalWorker(
            name: "here", address: "127.0.0.1", workplace: try workplace(images), statusFolder: path + "/status",
            localTime: { "2026-01-21T19:38:00" })
    }

    /// What the status file of `task` says.
    func status(_ task: String) throws -> JSON {
        try JSON(parsing: try String(contentsOfFile: "\(path)/status/\(task)_status.json", encoding: .utf8))
    }

    /// Makes a file of `bytes`, last written `age` seconds ago, and the folders above it.
    @discardableResult
    func file(_ name: String, _ bytes: Int = 10, age: Int = 0) throws -> String {
        let file = "\(path)/\(name)"
        let folder = String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)])
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(repeating: 65, count: bytes).write(to: URL(filePath: file))
        let time = timespec(tv_sec: Glibc.time(nil) - age, tv_nsec: 0)
        try #require(utimensat(AT_FDCWD, file, [time, time], 0) == 0)
        return file
    }

    func exists(_ name: String) -> Bool { access("\(path)/\(name)", F_OK) == 0 }

    /// An executable script.
    func script(_ name: String, _ text: String) throws -> String {
        let path = try file(name)
        try Data(text.utf8).write(to: URL(filePath: path))
        try #require(chmod(path, 0o755) == 0)
        return path
    }
}

extension TaskOrder {
    init(_ kind: String, _ parameters: JSON.Object, within limit: Duration = .seconds(30)) {
        self.init(task: kind.lowercased(), kind: kind, parameters: parameters, limit: limit)
    }
}
