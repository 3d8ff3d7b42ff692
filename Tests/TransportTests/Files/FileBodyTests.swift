import CLinux
import Glibc
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(1))) struct FileBodyTests {
    @Test(arguments: [
        (nil, HTTPByteRange.whole), ("bytes=0-3", .part(0..<4)), ("bytes=4-", .part(4..<10)),
        ("bytes=-3", .part(7..<10)), ("bytes=-30", .part(0..<10)), ("bytes=9-99999999999999999999", .part(9..<10)),
        ("bytes=10-", .unsatisfiable), ("bytes=-0", .unsatisfiable), ("bytes=3-2", .whole), ("bytes=0-1,3-4", .whole),
        ("lines=1-2", .whole), ("bytes=a-b", .whole), ("bytes=-", .whole), ("bytes= 1 - 2 ", .part(1..<3)),
    ])
    func readsRanges(_ header: String?, _ range: HTTPByteRange) {
        #expect(HTTPByteRange(header, of: 10) == range)
    }

    @Test func sendsFilesAndParts() async throws {
        let bytes = patterned(2_000_000)
        let file = try temporaryFile(bytes)
        try await withServer(handler: { .file(file, size: 2_000_000, modified: 0, for: $0) }) { address, loop, _ in
            let client = HTTPClient(address, on: loop)
            for (header, status, range): (String?, HTTPStatus, Range<Int>) in [
                (nil, .ok, 0..<2_000_000), ("bytes=10-1000000", 206, 10..<1_000_001),
                ("bytes=-1", 206, 1_999_999..<2_000_000),
                ("bytes=2000000-", 416, 0..<0),
            ] {
                let fields = header.map { [HTTPField("Range", $0)] } ?? []
                let response = try await client.send(HTTPClientRequest("GET", "/", headers: fields))
                #expect(response.status == status)
                #expect(response.body == Array(bytes[range]), "\(String(describing: header))")
            }
            let head = try await client.send(HTTPClientRequest("HEAD", "/"))
            #expect(head.body.isEmpty && head.headers["content-length"] == "2000000")
        }
    }

    /// A client that reads nothing for a while, and two that share the connection's fate.
    @Test func waitsForASlowReader() async throws {
        let bytes = patterned(6_000_000)
        let file = try temporaryFile(bytes)
        try await withServer(handler: { .file(file, size: 6_000_000, for: $0) }) { address, loop, _ in
            let slow = try await RawClient(address, on: loop)
            try await slow.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            // Another is served meanwhile, by the same loop.
            #expect(try await HTTPClient(address, on: loop).send(HTTPClientRequest("GET", "/")).body == bytes)
            var received: [UInt8] = []
            while case let more = try await slow.receive(), !more.isEmpty { received += more }
            #expect(received.suffix(6_000_000) == bytes[...])
        }
    }

    @Test func cutsTheConnectionWhenAFileHasBecomeShorter() async throws {
        let file = try temporaryFile(patterned(1000))
        try await withServer(handler: { .file(file, size: 2000, for: $0) }) { address, loop, _ in
            _ = await #expect(throws: ConnectionError.self) {
                try await HTTPClient(address, on: loop).send(HTTPClientRequest("GET", "/"))
            }
        }
    }

    @Test(arguments: [0, 1, 100_000, 3_000_001], [true, false])
    func writesBodiesToFiles(_ count: Int, _ isChunked: Bool) async throws {
        let bytes = patterned(count)
        let file = try temporaryFile()
        try await withServer(handler: { request in
            do {
                let written = try await request.body.write(to: file, at: 3)
                return .text(.ok, "\(written)")
            } catch {
                return .text(500, "\(error)")
            }
        }) { address, loop, _ in
            var request = HTTPClientRequest("PUT", "/", headers: [HTTPField("Expect", "100-continue")])
            request.upload = HTTPUpload(length: isChunked ? nil : count) { writer in
                for start in stride(from: 0, to: count, by: 77_777) {
                    try await writer.write(Array(bytes[start..<min(count, start + 77_777)]))
                }
            }
            let client = HTTPClient(address, on: loop)
            for _ in 0..<2 {
                let response = try await client.send(request)
                #expect(response.body == [UInt8]("\(count)"))
                #expect(contents(of: file).dropFirst(3) == bytes[...])
            }
        }
    }

    /// From a file into a file on the server, and back into a third.
    @Test(arguments: [0, 1, 100_000, 6_000_001])
    func movesFilesBothWays(_ count: Int) async throws {
        let bytes = patterned(count)
        let (here, there, back) = (try temporaryFile(bytes), try temporaryFile(), try temporaryFile())
        try await withServer(handler: { request in
            if request.isMethod("GET") { return .file(there, size: Int64(count), for: request) }
            do { return .text(.ok, "\(try await request.body.write(to: there))") } catch {
                return .text(500, "\(error)")
            }
        }) { address, loop, _ in
            let client = HTTPClient(address, on: loop)
            for _ in 0..<2 {
                var request = HTTPClientRequest("PUT", "/")
                request.upload = HTTPUpload(length: count) { writer in
                    try await writer.write(here, 0..<Int64(count / 3))
                    try await writer.write(here, Int64(count / 3)..<Int64(count))
                }
                #expect(try await client.send(request).body == [UInt8]("\(count)"))
                let seen = Seen()
                let written = try await client.exchange(HTTPClientRequest("GET", "/")) { _, _, body in
                    try await body.write(to: back) { seen.set("\($0)") }
                }
                #expect(written == count && contents(of: back) == bytes)
                #expect(seen.text == (count == 0 ? "" : "\(count)"))
            }
        }
    }

    /// A file that takes only a part: who sent the rest is told, and the next request is understood.
    @Test func saysThatAFileIsFull() async throws {
        let full = OpenFile(OwnedDescriptor(try SystemCallError.check(rock_bounded_file("full", 4096), "memfd")))
        try await withServer(handler: { request in
            do {
                return .text(.ok, "\(try await request.body.write(to: full))")
            } catch let error as SystemCallError {
                return .text(507, error.call)
            } catch {
                return .text(500, "\(error)")
            }
        }) { address, loop, _ in
            let client = HTTPClient(address, on: loop)
            for (count, status): (Int, HTTPStatus) in [(4096, .ok), (100_000, 507), (3_000_000, 507), (4096, .ok)] {
                let response = try await client.send(HTTPClientRequest("PUT", "/", body: patterned(count)))
                #expect(response.status == status)
            }
        }
    }

    @Test func limitsWhatItWrites() async throws {
        let file = try temporaryFile()
        try await withServer(handler: { request in
            do {
                return .text(.ok, "\(try await request.body.write(to: file, upTo: 999))")
            } catch let error as HTTPError {
                return .text(error.status, error.message)
            } catch {
                return .text(500, "\(error)")
            }
        }) { address, loop, _ in
            let client = HTTPClient(address, on: loop)
            for (count, status): (Int, HTTPStatus) in [(999, .ok), (1000, 413)] {
                let response = try await client.send(HTTPClientRequest("PUT", "/", body: patterned(count)))
                #expect(response.status == status)
            }
        }
    }

    /// The server has said what it thinks before the body has come: the client hears it, and its body's maker ends.
    @Test func hearsAnAnswerThatComesEarly() async throws {
        try await withServer(handler: { _ in .text(507, "full") }) { address, loop, _ in
            var request = HTTPClientRequest("PUT", "/")
            request.upload = HTTPUpload(length: nil) { writer in
                while true { try await writer.write(patterned(100_000)) }
            }
            let response = try await HTTPClient(address, on: loop).send(request)
            #expect(response.status == 507 && response.body == [UInt8]("full"))
        }
    }

    @Test func closesAConnectionThatLacksHalfABody() async throws {
        struct Broken: Error {}
        let seen = Seen()
        try await withServer(handler: { request in
            do {
                seen.set("\(try await request.body.collect(upTo: 100).count) bytes")
            } catch {
                seen.set("no body")
            }
            return .text(.ok, "")
        }) { address, loop, server in
            for length in [nil, 10] as [Int?] {
                var request = HTTPClientRequest("PUT", "/")
                request.upload = HTTPUpload(length: length) { writer in
                    try await writer.write([1, 2, 3])
                    throw Broken()
                }
                await #expect(throws: (any Error).self) { try await HTTPClient(address, on: loop).send(request) }
            }
            await server.shutDown(within: .seconds(5))
            #expect(seen.text == "no body")
        }
    }
}
