import GEM

/// A property that every environment should have, and how `rockctl env check` looks for it.
struct Check: Sendable {
    /// The name, as `--only` takes it.
    let name: String
    /// One line without a full stop: what holds where the check passes.
    let summary: String
    /// Looks for the property.
    ///
    /// - Returns: One line on what was looked at.
    /// - Throws: ``CheckFault`` for a counterexample, ``CheckOmission`` where the environment does not offer what would be looked at.
    let run: @Sendable (_ subject: CheckSubject) async throws -> String

    /// All of them, in the order in which they run. Each is in the file of its topic.
    static let all: [Check] = [
        .sameSeed, .differentSeeds, .reset, .end, .actions, .rewards, .endings, .state, .instances, .load, .tampering,
        .leaks,
    ]
}

/// A counterexample: what should have been and what came, with the calls that lead there.
struct CheckFault: Error {
    let message: String
    /// The episode in which it happened; `nil` where it is not about one.
    let script: CheckScript?

    init(_ message: String, _ script: CheckScript? = nil) {
        self.message = message
        self.script = script
    }
}

/// Why a check was left out.
struct CheckOmission: Error {
    let reason: String
}

/// What one check found.
struct CheckFinding: Sendable {
    let name: String
    let outcome: Outcome
    let seconds: Double

    enum Outcome: Sendable {
        case passed(String)
        case failed(CheckFault)
        case leftOut(String)
    }

    var hasFailed: Bool { if case .failed = outcome { true } else { false } }
}

extension Check {
    /// Runs the check and puts away what it made, whatever came of it.
    ///
    /// - Throws: `CancellationError`, and ``CommandError`` where the server itself is of no use.
    func find(in subject: CheckSubject) async throws -> CheckFinding {
        try await Self.finding(name) {
            do {
                let detail = try await run(subject)
                await subject.closeAll()
                return detail
            } catch {
                await subject.closeAll()
                throw error
            }
        }
    }

    /// The finding of `body`, which ends or throws like ``run``.
    static func finding(_ name: String, _ body: () async throws -> String) async throws -> CheckFinding {
        let start = ContinuousClock.now
        let outcome: CheckFinding.Outcome
        do {
            outcome = .passed(try await body())
        } catch let fault as CheckFault {
            outcome = .failed(fault)
        } catch let omission as CheckOmission {
            outcome = .leftOut(omission.reason)
        }
        return CheckFinding(name: name, outcome: outcome, seconds: start.duration(to: .now) / .seconds(1))
    }
}
