import Foundation
import Testing

/// What `rockctl` does with streams that are terminals, closed or full.
@Suite struct StreamTests {
    @Test(
        arguments: [
            ([:], true), (["NO_COLOR": "1"], false), (["NO_COLOR": ""], true), (["TERM": "dumb"], false),
        ] as [([String: String], Bool)])
    func paintsOnlyWhereColoursAreWelcome(variables: [String: String], isPainted: Bool) throws {
        for arguments in [["help"], ["hlep"]] {
            let terminal = try Terminal(arguments: arguments, variables: variables)
            _ = terminal.finish()
            #expect(terminal.shown.contains("\u{1B}[") == isPainted, "\(terminal.shown)")
        }
        #expect(!(try Program.rockctl(["help"]).output.contains("\u{1B}")))
    }

    @Test func endsQuietlyWhenTheReaderIsGone() throws {
        let (output, errors) = (try Pipe(), try Pipe())
        output.reader.close()
        let child = try Child(
            Program.rockctl, ["help"], variables: [:], streams: [0, output.writer.rawValue, errors.writer.rawValue])
        errors.writer.close()
        #expect(child.wait() == 141)
        #expect(errors.reader.read() == [])
    }

    @Test func saysWhenTheDiskIsFull() throws {
        let full = Descriptor(open("/dev/full", O_WRONLY | O_CLOEXEC))
        let errors = try Pipe()
        let child = try Child(
            Program.rockctl, ["help"], variables: [:], streams: [0, full.rawValue, errors.writer.rawValue])
        errors.writer.close()
        #expect(child.wait() == 1)
        #expect(String(decoding: errors.reader.read(), as: UTF8.self).contains("No space left on device"))
    }
}
