import GEM
import Registry
import SandboxHost
import Transport

extension Interface {
    /// Files and folders of any size: what passes between client and sandbox is never collected on the way.
    static let fileOperations: [Operation] = [download, upload, downloadArchive, uploadArchive]

    private static let path = Field.required("path", .text(least: 1), "As seen inside")

    // MARK: - Files

    private static let download = Operation.own(
        "sandbox.download", .get, "/sandboxes/{sandbox_id}/files", "A file's bytes",
        form: .bytes("application/octet-stream"), scope: .read, query: [path],
        .exchange { (call, request, services) async throws(Failure) -> HTTPResponse in
            let file = try await services.agent(for: call).download(call.text("path") ?? "")
            let range = HTTPByteRange(
                request.headers.contains("if-range") ? nil : request.headers["range"], of: file.size)
            guard range != .unsatisfiable else {
                return .problem(
                    416, "The file has \(file.size) bytes.",
                    headers: [HTTPField("Content-Range", "bytes */\(file.size)")])
            }
            // From the file into the connection by the kernel; a file that gets shorter meanwhile cuts it.
            return .file(
                file.file, size: file.size, modified: file.modified,
                headers: [
                    HTTPField("Content-Type", "application/octet-stream"),
                    HTTPField("X-File-Size", "\(file.size)"), HTTPField("X-File-Mode", String(file.mode, radix: 8)),
                    HTTPField("X-File-Owner", "\(file.user):\(file.group)"),
                ], for: request)
        })

    private static let upload = Operation.own(
        "sandbox.upload_file", .put, "/sandboxes/{sandbox_id}/files", "Replaces a file by the request's body",
        query: [
            path, .optional("mode", Schema(.octal), "Octal, such as 644"),
            .optional("uid", .integer(0...65_535)), .optional("gid", .integer(0...65_535)),
        ], body: .bytes, result: .object(.required("path", .text), .required("size", .integer(0...Int.max))),
        .exchange { (call, request, services) async throws(Failure) -> HTTPResponse in
            let mode = call.text("mode").flatMap { UInt32($0, radix: 8) }
            var owner: (user: UInt32, group: UInt32)?
            if call.integer("uid") != nil || call.integer("gid") != nil {
                owner = (UInt32(call.integer("uid") ?? 0), UInt32(call.integer("gid") ?? 0))
            }
            let path = call.text("path") ?? ""
            let upload = try await services.agent(for: call).upload(path, mode: mode, owner: owner)
            let size: Int64
            do { size = try await request.body.write(to: upload.file) } catch {
                throw Failure(ofBody: error, "The file")
            }
            try await upload.commit()
            return .json(
                .ok,
                json { writer in
                    writer.beginObject()
                    writer.name("path")
                    writer.string(path)
                    writer.name("size")
                    writer.integer(size)
                    writer.endObject()
                })
        })

    // MARK: - Folders

    private static let downloadArchive = Operation.own(
        "sandbox.download_archive", .get, "/sandboxes/{sandbox_id}/archive", "A folder as tar",
        form: .bytes("application/x-tar"), scope: .read, query: [path],
        .exchange { (call, _, services) async throws(Failure) -> HTTPResponse in
            let agent = try await services.agent(for: call)
            let request = HTTPClientRequest("GET", "/archive?path=" + escaped(call.text("path") ?? ""))
            return try await agent.passOn(request)
        })

    private static let uploadArchive = Operation.own(
        "sandbox.upload_archive", .put, "/sandboxes/{sandbox_id}/archive",
        "Unpacks the request's body, a tar, in a folder",
        query: [
            path,
            .optional("owners", .boolean, default: false, "Whether users and groups are the archive's, not root"),
        ], body: .bytes,
        result: .object(.required("entries", .integer(0...Int.max)), .required("bytes", .integer(0...Int.max))),
        .exchange { (call, request, services) async throws(Failure) -> HTTPResponse in
            let agent = try await services.agent(for: call)
            var inner = HTTPClientRequest(
                "PUT",
                "/archive?path=" + escaped(call.text("path") ?? "") + (call.isTrue("owners") ? "&owners=true" : ""),
                headers: [HTTPField("Content-Type", "application/x-tar")])
            inner.upload = HTTPUpload(passingOn: request.body, "The archive")
            return .json(.ok, try await agent.answer(to: inner))
        })
}

extension SandboxAgent {
    /// The longest answer that is not passed on while it comes, in bytes.
    private static let answerLimit = 1 << 20

    /// Sends a request whose answer is short.
    ///
    /// - Returns: The body of a success.
    /// - Throws: ``Failure`` for any other answer, and where there is none.
    func answer(to request: HTTPClientRequest) async throws(Failure) -> [UInt8] {
        let reply: AgentReply
        do {
            reply = try await stream(request) { status, _, chunks in
                var body: [UInt8] = []
                for try await chunk in chunks {
                    body += chunk
                    guard body.count <= Self.answerLimit else {
                        throw Failure(.infraFailed, "The rocklet inside answers with more than it may.")
                    }
                }
                return AgentReply(status: Int(status.rawValue), body: body)
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.infraFailed, "The rocklet of sandbox \(sandbox) broke off: \(error)")
        }
        return try reply.result()
    }

    /// Passes an answer of the rocklet on while it comes.
    ///
    /// - Throws: ``Failure`` where it answers anything but success.
    func passOn(_ request: HTTPClientRequest) async throws(Failure) -> HTTPResponse {
        do {
            let upstream = try await Upstream { consumer in try await self.stream(request, consumer) }
            guard upstream.status == 200 else {
                let body = try await upstream.beginning(64 << 10)
                _ = try AgentReply(status: Int(upstream.status.rawValue), body: body).result()
                throw Failure(.infraFailed, "The rocklet of sandbox \(sandbox) answered \(upstream.status.rawValue).")
            }
            return upstream.response(PassedHeaders.outward(upstream.headers.fields))
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.infraFailed, "The rocklet of sandbox \(sandbox) broke off: \(error)")
        }
    }
}
