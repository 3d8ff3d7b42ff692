import GEM
import Glibc
import Testing

@testable import SandboxHost
@testable import Transport

@Suite(.timeLimit(.minutes(1))) struct AgentFileTests {
    private static let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }

    @Test func carriesAFileInAndOut() async throws {
        try await withAgent { fixture in
            let upload = try await fixture.agent.upload("/new/folder/file", mode: 0o751, owner: (1, 2))
            #expect(pwrite(upload.file.rawValue, Self.large, Self.large.count, 0) == Self.large.count)
            #expect(fixture.read("/new/folder/file") == nil, "it appears all at once")
            #expect(try await upload.commit() == Self.large.count)

            let file = try await fixture.agent.download("/new/folder/file")
            #expect(file.size == Self.large.count)
            #expect([file.mode, file.user, file.group] == [0o751, 1, 2])
            #expect(contents(of: OwnedDescriptor(dup(file.file.rawValue))) == Self.large)
            #expect(fixture.names("/new/folder") == ["file"])
        }
    }

    @Test func keepsAccessOfWhatItReplaces() async throws {
        try await withAgent { fixture in
            try fixture.write("/file", [1])
            #expect(chown(fixture.root + "/file", 7, 8) == 0 && chmod(fixture.root + "/file", 0o2640) == 0)
            #expect(symlink("file", fixture.root + "/link") == 0)
            try await fixture.agent.upload("/link").commit()
            let file = try await fixture.agent.download("/file")
            #expect([file.mode, file.user, file.group] == [0o2640, 7, 8])
            #expect(file.size == 0)
            #expect(fixture.names("/") == ["file", "link"])
        }
    }

    @Test func leavesNothingOfWhatIsGivenUp() async throws {
        try await withAgent { fixture in
            try fixture.write("/file", [1, 2])
            var upload: AgentUpload? = try await fixture.agent.upload("/file")
            #expect(fixture.names("/").count == 2)
            upload = nil
            #expect(upload == nil)
            // The service serves one connection's end before the next one's first request, on one thread each.
            var left = fixture.names("/").count
            while left > 1 {
                _ = try await fixture.agent.download("/file")
                left = fixture.names("/").count
            }
            #expect(fixture.read("/file") == [1, 2])
        }
    }

    @Test(arguments: [
        ("/missing", Failure.Kind.notFound), ("/folder", .invalidArgument), ("/pipe", .invalidArgument),
        ("/out", .notFound), ("/../../etc/passwd", .notFound), ("/file/below", .invalidArgument), ("", .notFound),
        ("/folder/../file", nil), ("/loop", .invalidArgument),
    ])
    func opensWhatIsInside(_ path: String, _ kind: Failure.Kind?) async throws {
        try await withAgent { fixture in
            try fixture.write("/file", [1])
            let root = fixture.root
            #expect(mkdir(root + "/folder", 0o755) == 0 && mkfifo(root + "/pipe", 0o644) == 0)
            #expect(symlink("../../../../../etc/passwd", root + "/out") == 0 && symlink("loop", root + "/loop") == 0)
            do {
                let file = try await fixture.agent.download(path)
                #expect(kind == nil && file.size == 1)
            } catch {
                #expect((error as? Failure)?.kind == kind, "\(error)")
            }
        }
    }

    @Test(arguments: ["/folder", "/folder/", "/", "/folder/..", "/file/below", "/dev"])
    func writesFilesOnly(_ path: String) async throws {
        try await withAgent { fixture in
            try fixture.write("/file", [1])
            #expect(mkdir(fixture.root + "/folder", 0o755) == 0 && mkfifo(fixture.root + "/dev", 0o644) == 0)
            await #expect(throws: Failure.self) { try await fixture.agent.upload(path) }
            #expect(fixture.names("/") == ["dev", "file", "folder"])
        }
    }

    /// What a rocklet that somebody inside has replaced might answer.
    enum Lie: String, CaseIterable, Sendable {
        case nothing, garbage, noDescriptor, folder, pipe, device, kernelFile, wrongAccess, pathOnly, hangUp
    }

    @Test(arguments: Lie.allCases)
    func believesNothing(_ lie: Lie) async throws {
        let opened = Array(#"{"opened":{"size":9}}"#.utf8)
        _ = try await withAgent(
            serve: { connection in
                guard (try? await connection.receive()) != nil else { return }
                let path = { (path: String, flags: Int32) in OpenFile(OwnedDescriptor(open(path, flags))) }
                let file: OpenFile? =
                    switch lie {
                    case .nothing, .garbage, .noDescriptor, .hangUp: nil
                    case .folder: path("/", O_RDONLY)
                    case .pipe: path("/dev/stdin", O_RDONLY)
                    case .device: path("/dev/zero", O_RDONLY)
                    case .kernelFile: path("/proc/self/status", O_RDONLY)
                    case .wrongAccess: path("/etc/hostname", O_RDWR)
                    case .pathOnly: path("/etc/hostname", 0o10000000)
                    }
                if lie == .hangUp { return }
                let answer = lie == .garbage ? [0xFF, 0x00] : lie == .nothing ? Array("{}".utf8) : opened
                try? await connection.send(answer, passing: file?.rawValue ?? -1)
                _ = try? await connection.receive()
            },
            { fixture in
                await #expect(throws: Failure.self) { try await fixture.agent.download("/x") }
            })
    }

    @Test func givesUpOnOneThatSaysNothing() async throws {
        try await withAgent(
            serve: { connection in while (try? await connection.receive()) != nil {} },
            { fixture in
                let failure = await #expect(throws: Failure.self) {
                    try await fixture.agent.download("/x", timeout: .milliseconds(30))
                }
                #expect(failure?.kind == .timeout)
            })
    }
}
