import GEM
import Glibc
import Transport

extension FileService {
    /// Entries of a listing's page at most.
    private static let pageLimit = 10_000

    /// `GET /files?path=`: the file's bytes, or the part that `Range` asks for.
    func get(_ call: Call) async throws -> HTTPResponse {
        let path = try call.path()
        let tree = tree
        let (file, status) = try await BlockingPool.run { try tree.openForReading(path) }
        let headers = [
            HTTPField("Content-Type", "application/octet-stream"),
            HTTPField("X-Rock-Mode", String(status.st_mode & 0o7777, radix: 8)),
            HTTPField("X-Rock-Uid", "\(status.st_uid)"), HTTPField("X-Rock-Gid", "\(status.st_gid)"),
        ]
        if status.st_size == 0 {
            // Empty, or made up by the kernel on the spot: its length is known once it has been read.
            let bytes = try await BlockingPool.run { try tree.read(path) }
            return HTTPResponse(headers: headers, body: .bytes(bytes))
        }
        return .file(
            file, size: Int64(status.st_size), modified: Int64(status.st_mtim.tv_sec), headers: headers,
            for: call.request)
    }

    /// `PUT /files?path=[&mode=755][&uid=][&gid=]`: the body becomes the file, all at once.
    func put(_ call: Call) async throws -> HTTPResponse {
        let path = try call.path()
        let access = Replacement.Access(
            mode: try call.number("mode", radix: 8), user: try call.number("uid"), group: try call.number("gid"))
        let tree = tree
        let replacement = try await BlockingPool.run { try Replacement(path, in: tree, access: access) }
        _ = try await fill(replacement, path) { try await call.request.body.write(to: $0) }
        let size = try await BlockingPool.run { try replacement.commit() }
        return .json { json in
            json.name("size")
            json.integer(size)
        }
    }

    /// `DELETE /files?path=[&recursive=true]`.
    func delete(_ call: Call) async throws -> HTTPResponse {
        let path = try call.path()
        let recursively = call.request.query("recursive") == "true"
        let tree = tree
        try await BlockingPool.run { try tree.remove(path, recursively: recursively) }
        return .json { _ in }
    }

    /// `GET /files/stat?path=[&follow=false]`.
    func status(_ call: Call) async throws -> HTTPResponse {
        let path = try call.path()
        let follows = call.request.query("follow") != "false"
        let tree = tree
        let status = try await BlockingPool.run { try tree.status(path, follows: follows) }
        return .json { status.write(to: &$0) }
    }

    /// `GET /files/list?path=[&limit=1000][&after=NAME]`: a folder in the order of its names' bytes, a page at a time.
    func list(_ call: Call) async throws -> HTTPResponse {
        let path = try call.path()
        let limit = Int(try call.number("limit") ?? 1000)
        guard 1...Self.pageLimit ~= limit else {
            throw InvalidBody(field: "limit", "A page has 1 to \(Self.pageLimit) entries.")
        }
        let after = call.request.query("after") ?? ""
        let tree = tree
        let (entries, hasMore) = try await BlockingPool.run { try tree.list(path, after: after, limit: limit) }
        return .json { json in
            json.name("entries")
            json.beginArray()
            for entry in entries {
                json.beginObject()
                entry.write(to: &json)
                json.endObject()
            }
            json.endArray()
            json.name("has_more")
            json.bool(hasMore)
        }
    }

    /// `POST /files/mkdir` with `path`, `parents` (true), `exist_ok` (true) and `mode` (octal text, 755).
    func makeFolder(_ call: Call) async throws -> HTTPResponse {
        var fields = try await call.fields()
        let path = fields.text("path")
        let makesParents = fields.flag("parents", default: true)
        let mayExist = fields.flag("exist_ok", default: true)
        let text = fields.text("mode", default: "755")
        let mode = UInt32(text, radix: 8) ?? fields.refuse("mode", "value_error", "The mode is octal, such as 755.", 0)
        try fields.check()
        let tree = tree
        try await BlockingPool.run {
            try tree.makeFolder(path, makesParents: makesParents, mayExist: mayExist, mode: mode & 0o7777)
        }
        return .json { _ in }
    }
}

extension Call {
    /// The query's `path`.
    func path() throws(InvalidBody) -> String {
        guard let path = request.query("path"), !path.isEmpty else {
            throw InvalidBody([.init("missing", [.name("query"), .name("path")], "Field required")])
        }
        return path
    }

    /// A number of the query.
    func number(_ name: String, radix: Int = 10) throws(InvalidBody) -> UInt32? {
        guard let text = request.query(name) else { return nil }
        guard let number = UInt32(text, radix: radix) else {
            throw InvalidBody([
                .init("int_parsing", [.name("query"), .name(name)], "Input should be a number", input: .string(text))
            ])
        }
        return number
    }
}
