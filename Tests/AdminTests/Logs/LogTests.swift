import GEM
import Glibc
import Registry
import Testing

@testable import Admin

@Suite struct LogTests {
    private static let times = TimeFormat(zone: .shanghai)

    private static func entry(_ message: String, isJSON: Bool = false, at seconds: Int64 = 0) -> LogEntry {
        LogEntry(
            time: Timestamp(microseconds: seconds * 1_000_000 + 5000), level: .info, file: "Admin/Some.swift", line: 7,
            logger: "accessLog", sandbox: "sb", trace: "", message: message, isJSON: isJSON)
    }

    @Test(
        arguments: [
            (
                LogFormat.text, "hi", false,
                "1970-01-01T08:00:00.005+08:00 INFO:Some.swift:7 [accessLog] [sb] [] -- hi\n"
            ),
            (
                .text, "a\nb\r\u{1}", false,
                "1970-01-01T08:00:00.005+08:00 INFO:Some.swift:7 [accessLog] [sb] [] -- a\\nb\\r\\x01\n"
            ),
            (.text, "{\n}", true, "1970-01-01T08:00:00.005+08:00 INFO:Some.swift:7 [accessLog] [sb] [] -- {\n}\n"),
            (
                .json, "{\n \"a\": 1}", true,
                #"{"time":"1970-01-01T08:00:00.005+08:00","level":"INFO","source":"Some.swift:7","logger":"accessLog","sandbox_id":"sb","message":{"a":1}}"#
                    + "\n"
            ),
        ])
    func writesTheDocumentedLine(format: LogFormat, message: String, isJSON: Bool, line: String) {
        var output: [UInt8] = []
        format.append(Self.entry(message, isJSON: isJSON), times: Self.times, isColoured: false, to: &output)
        #expect(String(decoding: output, as: UTF8.self) == line)
    }

    @Test func coloursOnlyWhatStandsInFrontOfTheMessage() {
        var output: [UInt8] = []
        LogFormat.text.append(Self.entry("hi"), times: Self.times, isColoured: true, to: &output)
        let text = String(decoding: output, as: UTF8.self)
        #expect(text.hasPrefix("\u{1B}[32m1970") && text.hasSuffix("] --\u{1B}[0m hi\n"))
    }

    /// A folder that goes with the test.
    private func withFolder(_ body: (String) async throws -> Void) async throws {
        var template = Array("/tmp/rock-log-XXXXXX".utf8CString)
        let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer {
            for name in Self.names(in: folder) { unlink(folder + "/" + name) }
            rmdir(folder)
        }
        try await body(folder)
    }

    private static func names(in folder: String) -> [String] {
        guard let listing = opendir(folder) else { return [] }
        defer { closedir(listing) }
        var names: [String] = []
        while let item = readdir(listing) {
            names.append(
                withUnsafeBytes(of: item.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names.filter { !$0.hasPrefix(".") }.sorted()
    }

    private static func lines(_ path: String) -> Int {
        guard let file = fopen(path, "re") else { return -1 }
        defer { fclose(file) }
        var count = 0
        while true {
            let byte = getc(file)
            if byte == EOF { return count }
            if byte == 10 { count += 1 }
        }
    }

    @Test func putsFilesAsideBySizeAndKeepsTheYoungest() async throws {
        try await withFolder { folder in
            var configuration = LogConfiguration()
            (configuration.folder, configuration.rotateBytes, configuration.keep) = (folder, 1000, 2)
            var file = LogFile("a.log", configuration, at: .now())
            let line = Array((String(repeating: "x", count: 399) + "\n").utf8)
            var isWritten = true
            for _ in 0..<9 { isWritten = file.append(line, at: .now()) && isWritten }
            #expect(isWritten)
            #expect(Self.names(in: folder) == ["a.log", "a.log.1", "a.log.2"])
            #expect(["", ".1", ".2"].map { Self.lines(folder + "/a.log" + $0) } == [1, 2, 2])
            // What is moved away is given up for a new file.
            rename(folder + "/a.log", folder + "/moved")
            file.reopen(at: .now())
            isWritten = file.append(line, at: .now())
            #expect(isWritten && Self.lines(folder + "/a.log") == 1)
        }
    }

    @Test func losesNothingAndKeepsBillingApart() async throws {
        try await withFolder { folder in
            var configuration = LogConfiguration()
            configuration.folder = folder
            let logs = Logs(configuration, times: Self.times)
            await withTaskGroup { group in
                for task in 0..<8 {
                    group.addTask { for number in 0..<200 { Log(logs, "t\(task)")(.info, "\(number)") } }
                }
            }
            Log(logs, Logs.billing)(.info, "{}", isJSON: true)
            Log(logs, "x")(.debug, "not wanted")
            await logs.flush()
            #expect(Self.lines(folder + "/admin.log") == 1600 && Self.lines(folder + "/billing.log") == 1)
            #expect(logs.dropped == 0)
        }
    }

    @Test func aFolderThatIsNotThereCostsLinesAndNothingElse() async {
        var configuration = LogConfiguration()
        configuration.folder = "/nonexistent/rock"
        let logs = Logs(configuration, times: Self.times)
        Log(logs, "x")(.error, "lost")
        await logs.flush()
        #expect(logs.dropped == 1)
    }

    @Test func secretsNeverReachTheLog() throws {
        let text = """
            {"sandbox_id":"s","registry_password":"hunter2","env":{"TOKEN":"hunter2"},"content":"hunter2","nested":[{"api_key":"hunter2"}],
            "X-Key":"hunter2","command":"ls"}
            """
        let cleaned = Redaction.clean(try JSON(parsing: Array(text.utf8).span))
        let written = AccessLog.indented(cleaned)
        #expect(
            !written.contains("hunter2") && written.contains("\"command\": \"ls\"") && written.contains("\"TOKEN\""))
    }
}
