import CLinux
package import GEM
import Glibc

// The agent inside a sandbox, without what it hosts: an executable adds its environments and its `main`.
//
//   Rocklet.swift          the two lives of the process: zygote, then jail
//   ZygoteOptions.swift    what the command line says
//   LineServer.swift       one line in, one line out, for as long as the jail lives

/// The agent inside a sandbox.
package enum Rocklet {
    /// Answers one line: reads it without its line feed and appends the answer with one.
    typealias Answer = (_ line: Span<UInt8>, _ output: inout [UInt8]) -> Void

    /// Lives as the command line says: as a zygote, and in each jail cloned from it as the jail's first process, which
    /// hosts one of `environments`.
    package static func run(environments: [EnvironmentSpec]) -> Never {
        let arguments = UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc))
        let words = arguments.dropFirst().compactMap { $0.map { String(cString: $0) } }
        let options: ZygoteOptions
        switch ZygoteOptions.parse(words) {
        case .success(let parsed): options = parsed
        case .failure(let error): end(with: 2, "\(error.message)\n\(ZygoteOptions.usage)")
        }
        rock_give_back_memory()
        // A jail must not learn from its memory what the machine outside is called.
        rock_scrub_arguments(CommandLine.argc, CommandLine.unsafeArgv)
        let registry: EnvironmentRegistry
        do throws(Failure) {
            registry = try EnvironmentRegistry(environments)
        } catch {
            end(with: 1, error.message)
        }
        let makeService = { EnvironmentService(registry: registry) { SystemRandomNumberGenerator.draw() } }
        warmUp(makeService(), environments)
        var service = makeService()
        options.withZygote { zygote in rock_zygote_serve(zygote) }
        // Only jails come here. A jail of the warm pool has time now that its client will not have: what a make touches is
        // copied from the zygote's memory page by page, and that takes longer than the make.
        warmUp(makeService(), Array(environments.prefix(1)))
        var server = LineServer(listener: ROCK_JAIL_LISTENER)
        server.run { line, output in service.answer(line, into: &output) }
    }

    /// Plays a turn of each family, so that what is initialised or loaded on first use is there before the first clone
    /// and shared by all jails.
    private static func warmUp(_ service: EnvironmentService, _ environments: [EnvironmentSpec]) {
        var service = service
        var output: [UInt8] = []
        var families: Set<String> = []
        for spec in environments where families.insert(spec.id.name).inserted {
            let lines = [
                #"{"id":1,"method":"make","params":{"env_id":"\#(spec.id)"}}"#,
                #"{"id":2,"method":"reset","params":{"seed":1}}"#,
                #"{"id":3,"method":"step","params":{"action":"\\boxed{up}"}}"#,
                #"{"id":4,"method":"close","params":{}}"#,
            ]
            for line in lines {
                let bytes = Array(line.utf8)
                service.answer(bytes.span, into: &output)
                output.removeAll(keepingCapacity: true)
            }
        }
    }

    private static func end(with status: Int32, _ text: String) -> Never {
        var text = "rocklet: \(text)\n"
        text.withUTF8 { bytes in _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
        exit(status)
    }
}

extension SystemRandomNumberGenerator {
    fileprivate static func draw() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}
