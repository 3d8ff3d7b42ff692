import GEM
import Glibc
import Tar
import Transport

/// `/archive`: whole folders as tar streams, in and out, with flat memory.
struct ArchiveService: Service {
    private let tree: FileTree

    init(_ tree: FileTree) {
        self.tree = tree
    }

    var routes: [Route] {
        [
            Route("GET", "/archive") { try await get($0) },
            Route("PUT", "/archive") { try await put($0) },
        ]
    }

    /// `GET /archive?path=`: the folder or file as a tar, its own name in front of every member's.
    private func get(_ call: Call) async throws -> HTTPResponse {
        let path = try call.path()
        let tree = tree
        let archiver = try await BlockingPool.run { try Archiver(path, in: tree) }
        return HTTPResponse(
            headers: [HTTPField("Content-Type", "application/x-tar")],
            body: .stream { writer in
                // An error in the middle cuts the connection: nobody takes a part for the whole.
                while let piece = try await BlockingPool.transfers.run({ try archiver.next() }) {
                    try await writer.write(piece)
                }
            })
    }

    /// `PUT /archive?path=[&owners=true]`: unpacks a tar into a folder, which is made if need be. With `owners`, users and
    /// groups are those of the archive, by number; else everything belongs to root. What was unpacked before an error stays.
    private func put(_ call: Call) async throws -> HTTPResponse {
        let path = try call.path()
        let keepsOwners = call.request.query("owners") == "true"
        let tree = tree
        let unarchiver = try await BlockingPool.run {
            try tree.makeFolder(path, makesParents: true, mayExist: true)
            return try Unarchiver(into: path, in: tree, keepsOwners: keepsOwners)
        }
        try await call.request.body.consume { try unarchiver.take($0, isLast: $1) }
        return .json { json in
            json.name("entries")
            json.integer(unarchiver.entries)
            json.name("bytes")
            json.integer(unarchiver.bytes)
        }
    }
}
