import GEM
import Glibc
import Registry
import SandboxHost
import Transport

extension Interface {
    /// ROCK's upload: a form with a file, which goes into the sandbox as it arrives.
    static let uploadOperations: [Operation] = [
        .rock(
            "sandbox.upload", .post, "/upload", "Replaces a file by one of a form", failure: "upload file failed",
            body: .form([SandboxSchemas.id, .required("target_path", .text(least: 1, most: 4096))]),
            result: SandboxSchemas.done,
            .exchange { (call, request, services) async throws(Failure) -> HTTPResponse in
                do { return try await UploadForm(call: call, services: services).answer(request) } catch let failure
                    as Failure
                {
                    throw failure
                } catch let error as HTTPError {
                    return .json(
                        422,
                        json { writer in
                            writer.complaints([Complaint(type: "form_invalid", place: ["body"], message: error.message)]
                            )
                        })
                } catch {
                    throw Failure(.infraFailed, "The file did not get into the sandbox: \(error).")
                }
            })
    ]
}

/// One upload on its way.
private struct UploadForm {
    let call: Call
    let services: Services

    /// The longest plain field, in bytes.
    private static let fieldLimit = 64 << 10

    func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
        let form = try MultipartReader(request)
        var fields: [String: String] = [:]
        var spool: (file: OpenFile, size: Int64)?
        var upload: AgentUpload?
        while let part = try await form.nextPart() {
            if part.name == "file" {
                if let id = fields["sandbox_id"], let path = fields["target_path"], complaints(about: fields).isEmpty {
                    let begun = try await begin(id, path)
                    _ = try await form.write(to: begun.file)
                    upload = begun
                } else {
                    // Its place is not known yet: it waits on disk, where nobody else sees it.
                    let file = try UnnamedFile.make()
                    spool = (file, try await form.write(to: file))
                }
            } else {
                fields[part.name] = String(decoding: try await form.collect(upTo: Self.fieldLimit), as: UTF8.self)
            }
        }
        var complaints = complaints(about: fields)
        if upload == nil, spool == nil {
            complaints.append(Complaint(type: "missing", place: ["body", "file"], message: "Field required"))
        }
        guard complaints.isEmpty, let id = fields["sandbox_id"], let path = fields["target_path"] else {
            return .json(422, json { $0.complaints(complaints) })
        }
        if upload == nil, let spool {
            let begun = try await begin(id, path)
            try await Self.copy(spool.file, spool.size, into: begun)
            upload = begun
        }
        try await upload?.commit()
        return .json(
            .ok,
            Envelope.success(
                json { writer in
                    writer.beginObject()
                    writer.name("success")
                    writer.bool(true)
                    writer.name("message")
                    writer.string("uploaded to \(path)")
                    writer.name("file_name")
                    writer.string(path)
                    writer.endObject()
                }))
    }

    /// What is wrong with the plain fields.
    private func complaints(about fields: [String: String]) -> [Complaint] {
        var given = JSON.Object()
        for (name, text) in fields { given[name] = .string(text) }
        var complaints: [Complaint] = []
        Schema.object(call.operation.bodyFields).check(.object(given), at: ["body"], &complaints)
        return complaints
    }

    private func begin(_ id: String, _ path: String) async throws(Failure) -> AgentUpload {
        var named = call
        named.sandboxID = id
        return try await services.agent(for: named).upload(path, mode: 0o644)
    }

    /// Copies the first `size` bytes of `file` into `upload`.
    private static func copy(_ file: OpenFile, _ size: Int64, into upload: AgentUpload) async throws {
        var at: Int64 = 0
        while at < size {
            let (start, wanted) = (at, min(512 << 10, Int(size - at)))
            let piece = try await BlockingPool.transfers.run {
                try [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
                    let read = pread(file.rawValue, buffer.baseAddress, wanted, off_t(start))
                    guard read > 0 else { throw SystemCallError("pread", errno: read < 0 ? errno : EIO) }
                    count = read
                }
            }
            try await write(piece, at: start, into: upload)
            at += Int64(piece.count)
        }
    }

    private static func write(_ piece: [UInt8], at offset: Int64, into upload: AgentUpload) async throws {
        try await BlockingPool.transfers.run {
            var rest = piece[...]
            while !rest.isEmpty {
                // The sandbox shares the descriptor and could move its offset.
                let place = off_t(offset) + off_t(rest.startIndex)
                let count = rest.withUnsafeBytes { pwrite(upload.file.rawValue, $0.baseAddress, $0.count, place) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw SystemCallError("pwrite", errno: count < 0 ? errno : EIO) }
                rest = rest.dropFirst(count)
            }
        }
    }
}
