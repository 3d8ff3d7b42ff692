import Glibc
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(1))) struct MultipartTests {
    /// Takes a body apart that comes in `pieces`: `name|file|type=contents` for each part, or the error's status.
    private static func parts(_ contentType: String, _ pieces: [ArraySlice<UInt8>]) -> String {
        do throws(HTTPError) {
            var parser = try MultipartParser(contentType: contentType)
            var result = ""
            var held: [UInt8] = []
            for piece in pieces {
                held += piece
                var events = 0
                while true {
                    var position = 0
                    let event = try held.withUnsafeBytes { bytes in
                        Result { () throws(HTTPError) in try parser.next(bytes, from: &position) }
                    }.get()
                    events += 1
                    guard events < 10_000 else { return "endless" }
                    switch event {
                    case .part(let part):
                        result += "\(part.name)|\(part.fileName ?? "")|\(part.contentType ?? "")="
                    case .data(let range): result += String(decoding: held[range], as: UTF8.self)
                    case .endOfPart: result += "\n"
                    case .end: return result + "."
                    case .needsMore: break
                    }
                    held.removeFirst(position)
                    if event == .needsMore { break }
                }
            }
            return result + "?"
        } catch {
            return "\(error.status.rawValue)"
        }
    }

    private static let type = "multipart/form-data; boundary=xyz"
    private static let form =
        "--xyz\r\nContent-Disposition: form-data; name=\"target_path\"\r\n\r\n/a b\r\n"
        + "--xyz  \r\ncontent-disposition: form-data; name=file; filename=\"a\\\"b.txt\"\r\nContent-Type: text/plain\r\n"
        + "\r\none\r\n--xy\r\n\r\n--xyzzy?\r\r\n--xyz--\r\nignored"

    @Test func readsAFormInAnyPortions() {
        let whole = "target_path||=/a b\nfile|a\"b.txt|text/plain=one\r\n--xy\r\n"
        // "--xyzzy?" begins with the boundary: what follows is no line end, so it is malformed.
        #expect(Self.parts(Self.type, [[UInt8](Self.form)[...]]) == "400")
        let form = [UInt8](Self.form.split(separator: "--xyzzy?").joined(separator: "-xyz"))
        for pieces in form.splits {
            #expect(Self.parts(Self.type, pieces) == whole + "\r\n-xyz\r\n.")
        }
    }

    @Test(arguments: [
        ("text/plain", "", "415"), ("multipart/form-data", "", "400"), ("multipart/form-data; boundary=", "", "400"),
        ("multipart/form-data; boundary=a; boundary=b", "", "415"), (type, "", "?"), (type, "--xyz--", "."),
        ("Multipart/Form-Data; Boundary=\"x y\"", "--x y--", "."), (type, "preamble\r\n--xyz--", "."),
        (type, "--xyz\r\n\r\n\r\n--xyz--", "400"), (type, "--xyz\r\nContent-Disposition: form-data\r\n\r\n", "400"),
        (type, "--xyz\r\nContent-Disposition: attachment; name=a\r\n\r\n", "400"),
        (type, "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--xyz--", "a||=\n."),
        (type, "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--xyz", "a||=x\n?"),
        (type, "--xyz\r\nno colon\r\n\r\n", "400"), (type, "--xyz!\r\n", "400"),
        (type, "--xyz\r\nX: " + String(repeating: "x", count: 20_000), "400"),
    ])
    func takesWhatIsAFormOnly(_ type: String, _ body: String, _ result: String) {
        #expect(Self.parts(type, [[UInt8](body)[...]]) == result)
    }

    @Test func survivesEveryChange() {
        var generator = SeededGenerator(seed: 7)
        let form = [UInt8](Self.form)
        for _ in 0..<2000 {
            let changed = form.mutated(&generator, alphabet: [UInt8]("-\r\n\"\\;=xyz:"))
            let cut = Int.random(in: 0...changed.count, using: &generator)
            let whole = Self.parts(Self.type, [changed[...]])
            #expect(whole != "endless")
            #expect(Self.parts(Self.type, [changed[..<cut], changed[cut...]]) == whole)
        }
    }

    @Test func writesAPartToAFile() async throws {
        let file = try temporaryFile()
        let large = patterned(2_000_000)
        try await withServer(handler: { request in
            do {
                let form = try MultipartReader(request)
                var seen = ""
                while let part = try await form.nextPart() {
                    switch part.name {
                    case "skipped": seen += "skipped "
                    case "file": seen += "\(try await form.write(to: file)) "
                    default: seen += String(decoding: try await form.collect(upTo: 10), as: UTF8.self) + " "
                    }
                }
                return .text(.ok, seen)
            } catch let error as HTTPError {
                return .text(error.status, error.message)
            } catch {
                return .text(500, "\(error)")
            }
        }) { address, loop, _ in
            let field = { (name: String, bytes: [UInt8]) in
                [UInt8]("--xyz\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n") + bytes + [UInt8]("\r\n")
            }
            let end = [UInt8]("--xyz--\r\n")
            let client = HTTPClient(address, on: loop)
            let send = { (body: [UInt8]) in
                try await client.send(
                    HTTPClientRequest("POST", "/", headers: [HTTPField("Content-Type", Self.type)], body: body))
            }
            let body = field("a", [0x31]) + field("skipped", large) + field("file", large) + field("z", [0x32]) + end
            let answer = try await send(body)
            #expect(String(decoding: answer.body, as: UTF8.self) == "1 skipped 2000000 2 ")
            #expect(contents(of: file) == large)
            #expect(try await send(field("a", large) + end).status == 413)
            #expect(try await send(Array(body.dropLast(20))).status == .badRequest)
        }
    }
}
