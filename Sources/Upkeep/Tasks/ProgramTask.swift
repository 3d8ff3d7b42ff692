package import GEM

/// Runs a program of the administrator's own, without a shell. It succeeds when the program returns 0.
package struct ProgramTask: UpkeepTask {
    private let words: [String]
    private let environment: [String]

    package init(_ parameters: inout TaskParameters) throws(Failure) {
        words = try parameters.texts("command") ?? []
        guard let path = words.first, path.hasPrefix("/"), words.allSatisfy({ !$0.utf8.contains(0) }) else {
            throw parameters.refusal("command", "a list that begins with the program's whole path")
        }
        environment = try parameters.texts("env") ?? []
        guard environment.allSatisfy({ $0.contains("=") && !$0.utf8.contains(0) }) else {
            throw parameters.refusal("env", "a list of NAME=value")
        }
    }

    package func run(at workplace: Workplace) async throws(Failure) -> TaskReport {
        let name = words[0].split(separator: "/").last.map(String.init) ?? "program"
        let outcome = try await SystemProgram.run(
            words[0], Array(words.dropFirst()), environment: environment, log: workplace.taskLog(name),
            on: workplace.loop)
        let details: JSON.Object = ["outcome": .string(outcome.description), "output": .string(outcome.output)]
        guard outcome.isSuccess else {
            let last = outcome.output.split(separator: "\n").last.map { " It said: \($0)" } ?? ""
            return .failed("\(words[0]) \(outcome).\(last)", details: details)
        }
        return TaskReport(.success, details: details)
    }
}
