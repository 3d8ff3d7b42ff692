import CLinux
import GEM
import Glibc
import Transport

extension FileService {
    /// Fields of the form besides the file, in bytes.
    private static let fieldLimit = 64 * 1024

    /// `POST /upload`: a form of `file`, `target_path` and perhaps `unzip`, in any order.
    func upload(_ call: Call) async throws -> HTTPResponse {
        let form = try MultipartReader(call.request)
        var target: String?
        var isZip = false
        var pending: (replacement: Replacement, path: String)?
        var fileName: String?
        while let part = try await form.nextPart() {
            switch part.name {
            case "file":
                guard pending == nil else { throw InvalidBody(field: "file", "There is more than one file.") }
                fileName = part.fileName
                // Straight beside its target where that is known by now; else it is copied there in the end.
                let path = isZip ? nil : try await target.asyncMap { try await place($0, part.fileName) }
                let (tree, spool) = (tree, Self.spoolPath())
                let replacement = try await BlockingPool.run { try Replacement(path ?? spool, in: tree) }
                _ = try await fill(replacement, path ?? spool) { try await form.write(to: $0) }
                pending = (replacement, path ?? spool)
            case "target_path": target = String(decoding: try await form.collect(upTo: Self.fieldLimit), as: UTF8.self)
            case "unzip":
                let text = String(decoding: try await form.collect(upTo: Self.fieldLimit), as: UTF8.self).lowercased()
                isZip = ["true", "1", "yes", "on"].contains(text)
            default: break
            }
        }
        guard let target, !target.isEmpty else { throw InvalidBody(field: "target_path", "Field required") }
        guard let pending else { throw InvalidBody(field: "file", "Field required") }
        if isZip {
            try await unzip(pending.replacement, pending.path, into: target)
        } else {
            let path = try await place(target, fileName)
            try await finish(pending.replacement, at: pending.path, wanted: path)
        }
        return .json { json in
            json.name("success")
            json.bool(true)
            json.name("message")
            json.string("")
            json.name("file_name")
            json.string(fileName ?? "")
        }
    }

    /// Writes with `body` and names a failure of the disk after the file.
    func fill<Value: Sendable>(
        _ replacement: Replacement, _ path: String, _ body: (OpenFile) async throws -> Value
    ) async throws -> Value {
        do {
            return try await body(replacement.file)
        } catch {
            // Before the caller hears of it: nothing is left of what has failed.
            try await BlockingPool.run { replacement.discard() }
            guard let reason = error as? SystemCallError else { throw error }
            throw RockletException(errno: reason.errno, path)
        }
    }

    /// Where a file goes: into `target` where that is a folder, under the name that its sender gave it.
    private func place(_ target: String, _ fileName: String?) async throws -> String {
        let tree = tree
        return try await BlockingPool.run {
            guard let found = try tree.find(target) else { return target }
            guard try FileTree.status(of: found, target).st_mode & S_IFMT == S_IFDIR else { return target }
            // Some senders name the whole path, of which only the last part means anything here.
            let name = fileName?.split(separator: "/").last.map(String.init) ?? ""
            guard !name.isEmpty, name != ".", name != ".." else { throw RockletException(errno: EISDIR, target) }
            return target.hasSuffix("/") ? target + name : target + "/" + name
        }
    }

    private func finish(_ replacement: Replacement, at path: String, wanted: String) async throws {
        let tree = tree
        try await BlockingPool.run {
            if path == wanted {
                try replacement.commit()
                return
            }
            let target = try Replacement(wanted, in: tree)
            try replacement.commit()
            defer { try? tree.remove(path, recursively: false) }  // a spool file that stays is no failure of the call
            let (source, _) = try tree.openForReading(path)
            var offset: Int64 = 0
            while true {
                let count = rock_sendfile(target.file.rawValue, source.rawValue, &offset, 1 << 20)
                guard count >= 0 else { throw RockletException(errno: Int32(-count), wanted) }
                if count == 0 { break }
            }
            try target.commit()
        }
    }

    private static func spoolPath() -> String { "/tmp/.rock-upload-\(UInt64.random(in: .min ... .max))" }

    // MARK: Zip

    /// Extracts with the image's own `unzip`, or else its Python.
    private func unzip(_ replacement: Replacement, _ path: String, into target: String) async throws {
        let tree = tree
        try await BlockingPool.run {
            try replacement.commit()
            try tree.makeFolder(target, makesParents: true, mayExist: true)
        }
        let result: Result<Void, any Error>
        do {
            result = .success(try await extract(path, into: target))
        } catch {
            result = .failure(error)
        }
        try await BlockingPool.run { try tree.remove(path, recursively: false) }
        try result.get()
    }

    private func extract(_ path: String, into target: String) async throws {
        let tools = [["unzip", "-o", "-q", path, "-d", target], ["python3", "-m", "zipfile", "-e", path, target]]
        for arguments in tools {
            let program = Program(arguments: arguments, environment: context.environment)
            let outcome: Execution.Result
            do {
                outcome = try await Execution.run(Execution.Order(program: program, timeout: 1200), context)
            } catch let error as RockletException where error.kind == .fileNotFound {
                continue
            }
            if outcome.status == .exited(0) { return }
            let said = outcome.errors.bytes.isEmpty ? outcome.output.marked : outcome.errors.marked
            let text = String(decoding: said.suffix(4096), as: UTF8.self)
            throw RockletException(.badZipFile, "The file cannot be extracted into '\(target)': \(text)")
        }
        throw RockletException(
            .runtime,
            "The image has neither unzip nor python3 to extract a zip file with. Install one of them, or send a tar to /archive."
        )
    }
}

extension InvalidBody {
    init(field: String, _ message: String) {
        self.init([
            .init(message == "Field required" ? "missing" : "value_error", [.name("body"), .name(field)], message)
        ])
    }
}

extension Optional {
    /// `map` for what waits.
    fileprivate func asyncMap<Result>(_ body: (Wrapped) async throws -> Result) async rethrows -> Result? {
        guard let self else { return nil }
        return try await body(self)
    }
}
