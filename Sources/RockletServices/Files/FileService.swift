import GEM
import Glibc
import Transport

// Reading, writing, listing.
//
//   FileService.swift           ROCK's calls: read_file, write_file
//   FileService+Upload.swift    ROCK's call: upload
//   FileService+Files.swift     our own: /files, its listing, its status
//   ArchiveService.swift        our own: /archive, tar both ways
//   FileTree….swift             look-ups that stay in one folder, and what can be done there
//   Replacement.swift           a file that takes its place all at once
//   TextEncoding.swift          bytes to text, as Python does it

/// Files of the sandbox. Nothing here blocks the loop: a thread of the pool waits for the disk.
struct FileService: Service {
    let context: ServerContext
    let tree: FileTree

    init(_ context: ServerContext, _ tree: FileTree) {
        self.context = context
        self.tree = tree
    }

    var routes: [Route] {
        [
            Route("POST", "/read_file") { try await readFile($0) },
            Route("POST", "/write_file") { try await writeFile($0) },
            Route("POST", "/upload") { try await upload($0) },
            Route("GET", "/files") { try await get($0) },
            Route("HEAD", "/files") { try await get($0) },
            Route("PUT", "/files") { try await put($0) },
            Route("DELETE", "/files") { try await delete($0) },
            Route("GET", "/files/stat") { try await status($0) },
            Route("GET", "/files/list") { try await list($0) },
            Route("POST", "/files/mkdir") { try await makeFolder($0) },
        ]
    }

    private func readFile(_ call: Call) async throws -> HTTPResponse {
        var fields = try await call.fields()
        let path = fields.text("path")
        let encoding = fields.text("encoding", default: "utf-8")
        let policy = fields.text("errors", default: "strict")
        try fields.check()
        let decoder = TextDecoder(try TextEncoding(named: encoding), policy: policy)
        let tree = tree
        // Decoding megabytes would hold up everybody else on the loop.
        let answer = try await BlockingPool.run {
            let text = withUniversalNewlines(try decoder.decode(try tree.read(path)))
            var json = JSONWriter()
            json.beginObject()
            json.name("content")
            json.string(text.span)
            json.endObject()
            return json.bytes
        }
        return .json(.ok, answer)
    }

    private func writeFile(_ call: Call) async throws -> HTTPResponse {
        var fields = try BodyFields(try await call.request.body.collect(upTo: Self.writeLimit))
        let path = fields.text("path")
        let content = fields.text("content")
        try fields.check()
        let tree = tree
        try await BlockingPool.run { try tree.write(Array(content.utf8), to: path) }
        return .json { json in
            json.name("success")
            json.bool(true)
            json.name("message")
            json.string("")
        }
    }

    /// The longest body of `/write_file`, in bytes; larger files are uploaded.
    private static let writeLimit = 128 << 20
}
