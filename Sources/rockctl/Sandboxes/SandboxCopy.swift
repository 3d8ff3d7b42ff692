import GEM
import Glibc
import Images
import RockletServices
import Synchronization
import Transport

/// Copies between this machine and a sandbox: files as they are, folders as tar streams. Nothing is collected on the way.
struct SandboxCopy: Sendable {
    let server: ServerClient
    let sandbox: String
    let progress: ImageProgress

    /// How many bytes are read and written at a time.
    static let pieceBytes = 1 << 20
    /// How many bytes of a file are sent before somebody is told.
    private static let stepBytes: Int64 = 16 << 20

    // MARK: Into the sandbox

    /// Copies what is at `source` here to `target` inside, as cp(1) does.
    func upload(_ source: String, to target: String) async throws {
        var status = stat()
        guard stat(source, &status) == 0 else { throw Self.failed(source) }
        let kind = try await self.kind(of: target)
        if status.st_mode & S_IFMT == S_IFDIR {
            guard kind == nil || kind == "folder" else {
                throw CommandError(.failure, "\(target) in the sandbox is no folder")
            }
            let goesInto = kind == "folder" && !CopyPath.meansContents(source)
            try await upload(folder: source, into: goesInto ? CopyPath.joined(target, Self.realName(source)) : target)
        } else {
            let goesInto = kind == "folder" || target.hasSuffix("/")
            try await upload(
                file: source, status, to: goesInto ? CopyPath.joined(target, CopyPath.name(of: source)) : target)
        }
    }

    private func upload(file source: String, _ status: stat, to target: String) async throws {
        let file = open(source, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Self.failed(source) }
        let owned = OpenFile(OwnedDescriptor(file))
        // Only a regular file has a size that can be announced.
        let length = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
        try await send(owned, length, to: target, mode: UInt32(status.st_mode & 0o777), name: source)
    }

    /// Copies standard input to the file `target`.
    func uploadStream(to target: String) async throws {
        let copy = dup(STDIN_FILENO)
        guard copy >= 0 else { throw Self.failed("standard input") }
        try await send(OpenFile(OwnedDescriptor(copy)), nil, to: target, mode: nil, name: "standard input")
    }

    private func send(
        _ file: OpenFile, _ length: Int?, to target: String, mode: UInt32?, name: String
    ) async throws {
        var query = [(name: "path", value: target)]
        if let mode { query.append(("mode", String(mode, radix: 8))) }
        var request = HTTPClientRequest("PUT", ServerClient.path(of: sandbox, "/files", query))
        let progress = progress
        request.upload = HTTPUpload(length: length) { writer in
            if let length { return try await Self.send(file, Int64(length), name, writer, progress) }
            var sent = 0
            while true {
                let piece = try await BlockingPool.transfers.run { try Self.read(file, Self.pieceBytes, name) }
                if piece.isEmpty { return }
                try await writer.write(piece)
                sent += piece.count
                progress.show(bytes: Int64(sent))
            }
        }
        _ = try await server.send(request)
    }

    private static func send(
        _ file: OpenFile, _ length: Int64, _ name: String, _ writer: HTTPUploadWriter, _ progress: ImageProgress
    ) async throws {
        var sent: Int64 = 0
        while sent < length {
            let end = min(sent + stepBytes, length)
            do { try await writer.write(file, sent..<end) } catch let error as SystemCallError {
                throw error.errno == ENODATA
                    ? CommandError(.failure, "\(name) became shorter meanwhile")
                    : CommandError(
                        .failure, "\(printable(name, limit: 300)): \(String(cString: strerror(error.errno)))")
            }
            sent = end
            progress.show(bytes: sent)
        }
    }

    private func upload(folder source: String, into target: String) async throws {
        let path = try Self.realPath(source)
        let archiver = try Self.explaining { try Archiver(".", in: try FileTree(workingFolder: path)) }
        var request = HTTPClientRequest("PUT", ServerClient.path(of: sandbox, "/archive", [("path", target)]))
        let progress = progress
        request.upload = HTTPUpload(length: nil) { writer in
            var sent = 0
            while let piece = try await BlockingPool.transfers.run({ try Self.explaining { try archiver.next() } }) {
                try await writer.write(piece)
                sent += piece.count
                progress.show(bytes: Int64(sent))
            }
        }
        _ = try await server.send(request)
    }

    // MARK: Out of the sandbox

    /// Copies what is at `source` inside to `target` here, as cp(1) does.
    func download(_ source: String, to target: String) async throws {
        guard let kind = try await kind(of: source) else {
            throw CommandError(.notFound, "there is no \(printable(source, limit: 300)) in the sandbox")
        }
        var status = stat()
        let isFolder = stat(target, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        if kind == "folder" {
            let goesInto = isFolder && !CopyPath.meansContents(source)
            try await download(
                folder: source, into: goesInto ? CopyPath.joined(target, CopyPath.name(of: source)) : target)
        } else {
            let goesInto = isFolder || target.hasSuffix("/")
            try await download(
                file: source, to: goesInto ? CopyPath.joined(target, CopyPath.name(of: source)) : target)
        }
    }

    /// Copies the file `source` to standard output.
    func downloadStream(_ source: String) async throws {
        guard try await kind(of: source) != "folder" else {
            throw CommandError(
                .usage, "a folder does not go to standard output", hint: "name a folder here instead of -")
        }
        try await receive(source, into: nil, name: "standard output")
    }

    private func download(file source: String, to target: String) async throws {
        // Beside the target until it is whole; the name is one that nobody else uses.
        var name = Array("\(target).rockctl-XXXXXX".utf8CString)
        let file = mkstemp(&name)
        guard file >= 0 else { throw Self.failed(target) }
        let owned = OpenFile(OwnedDescriptor(file))
        let temporary = String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        do {
            let mode = try await receive(source, into: owned, name: target)
            let mask = umask(0)
            _ = umask(mask)
            guard fchmod(file, mode & 0o777 & ~mask) == 0, rename(temporary, target) == 0 else {
                throw Self.failed(target)
            }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// - Returns: The file's permission bits.
    @discardableResult
    private func receive(_ source: String, into file: OpenFile?, name: String) async throws -> UInt32 {
        let progress = progress
        let request = HTTPClientRequest("GET", ServerClient.path(of: sandbox, "/files", [("path", source)]))
        return try await server.stream(request) { headers, body in
            var received = 0
            if let file {
                do { received = Int(try await body.write(to: file) { progress.show(bytes: $0) }) } catch let error
                    as SystemCallError
                {
                    throw CommandError(
                        .failure, "\(printable(name, limit: 300)): \(String(cString: strerror(error.errno)))")
                }
            } else {
                for try await piece in body {
                    try await BlockingPool.transfers.run { try Self.write(piece, to: STDOUT_FILENO, name) }
                    received += piece.count
                    progress.show(bytes: Int64(received))
                }
            }
            if let size = headers["x-file-size"].flatMap({ Int($0) }), size != received {
                throw CommandError(.failure, "\(source) ended after \(received) of \(size) bytes")
            }
            return headers["x-file-mode"].flatMap { UInt32($0, radix: 8) } ?? 0o644
        }
    }

    private func download(folder source: String, into target: String) async throws {
        guard mkdir(target, 0o777) == 0 || errno == EEXIST else { throw Self.failed(target) }
        let path = try Self.realPath(target)
        let unarchiver = try Self.explaining {
            try Unarchiver(into: path, in: try FileTree(), keepsOwners: false, dropsFirstName: true)
        }
        let progress = progress
        let rest = Mutex<[UInt8]>([])
        let take: @Sendable ([UInt8], Bool) throws -> Void = { piece, isLast in
            let bytes = rest.withLock { $0 + piece }
            let taken = try Self.explaining { try bytes.withUnsafeBytes { try unarchiver.take($0, isLast: isLast) } }
            rest.withLock { $0 = Array(bytes[taken...]) }
        }
        let request = HTTPClientRequest("GET", ServerClient.path(of: sandbox, "/archive", [("path", source)]))
        try await server.stream(request) { _, body in
            var received = 0
            for try await piece in body {
                try await BlockingPool.transfers.run { try take(piece, false) }
                received += piece.count
                progress.show(bytes: Int64(received))
            }
            try await BlockingPool.transfers.run { try take([], true) }
        }
    }

    // MARK: Details

    /// What is at `path` inside: `file`, `folder` and so on; `nil` where nothing is.
    private func kind(of path: String) async throws -> String? {
        do {
            let status = try await server.call(
                "sandbox.stat_file", ["sandbox_id": .string(sandbox), "path": .string(path)])
            return status["type"]?.string
        } catch let error as CommandError where error.code == .notFound {
            return nil
        }
    }

    private static func read(_ file: OpenFile, _ wanted: Int, _ name: String) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            var got: Int
            repeat { got = Glibc.read(file.rawValue, buffer.baseAddress, wanted) } while got < 0 && errno == EINTR
            guard got >= 0 else { throw failed(name) }
            count = got
        }
    }

    private static func write(_ piece: [UInt8], to descriptor: Int32, _ name: String) throws {
        var written = 0
        while written < piece.count {
            let count = piece.withUnsafeBytes { bytes in
                Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EPIPE { throw ClosedPipe() }
            guard count > 0 else { throw failed(name) }
            written += count
        }
    }

    private static func realPath(_ path: String) throws -> String {
        guard let real = realpath(path, nil) else { throw failed(path) }
        defer { free(real) }
        return String(cString: real)
    }

    /// The name of a folder here, also of one that is called `.` or `..`.
    private static func realName(_ path: String) -> String {
        let name = CopyPath.name(of: path)
        return name.isEmpty ? CopyPath.name(of: (try? realPath(path)) ?? "") : name
    }

    private static func failed(_ path: String) -> CommandError {
        CommandError(
            errno == ENOENT ? .notFound : .failure,
            "\(printable(path, limit: 300)): \(String(cString: strerror(errno)))")
    }

    /// Says what the archive code throws in a command's words.
    private static func explaining<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as RockletException {
            throw CommandError(error.kind == .fileNotFound ? .notFound : .failure, error.message)
        } catch let failure as Failure {
            throw CommandError(failure)
        }
    }
}
