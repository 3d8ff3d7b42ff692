import CLinux
import Glibc

// The agent inside a sandbox, without what it hosts: an executable adds its environments and its `main`.
//
//   Rocklet.swift          the two lives of the process: zygote, then jail
//   ZygoteOptions.swift    what the command line says
//   LineServer.swift       one line in, one line out, for as long as the jail lives

/// The agent inside a sandbox.
public enum Rocklet {
    /// Answers one line: reads it without its line feed and appends the answer with one.
    public typealias Answer = (_ line: Span<UInt8>, _ output: inout [UInt8]) -> Void

    /// Lives as the command line says: as a zygote, and in each jail cloned from it as the jail's first process.
    ///
    /// - Parameters:
    ///   - warmUp: Called once before the first clone: what it initialises, no jail has to.
    ///   - answer: Called in a jail for each line received.
    public static func run(warmUp: () -> Void, answer: Answer) -> Never {
        let arguments = UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc))
        let words = arguments.dropFirst().compactMap { $0.map { String(cString: $0) } }
        let options: ZygoteOptions
        switch ZygoteOptions.parse(words) {
        case .success(let parsed): options = parsed
        case .failure(let error):
            complain("rocklet: \(error.message)\n\(ZygoteOptions.usage)\n")
            exit(2)
        }
        // A jail must not learn from its memory what the machine outside is called.
        rock_scrub_arguments(CommandLine.argc, CommandLine.unsafeArgv)
        warmUp()
        options.withZygote { zygote in rock_zygote_serve(zygote) }
        // Only jails come here.
        var server = LineServer(listener: ROCK_JAIL_LISTENER)
        server.run(answer)
    }

    private static func complain(_ text: String) {
        var text = text
        text.withUTF8 { bytes in _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }
}
