import GEM

/// What all checks of one environment found, for people and for programs.
struct CheckReport: Sendable {
    let environment: String
    let seed: Seed
    let episodes: Int
    var findings: [CheckFinding] = []

    var hasPassed: Bool { !findings.contains(where: \.hasFailed) }

    /// A line for each check; under a failure the counterexample and how to see it again.
    func text(style: Style) -> String {
        var text = style.paint(environment, .heading) + "\n"
        for finding in findings {
            let name = finding.name + String(repeating: " ", count: max(1, 17 - finding.name.count))
            switch finding.outcome {
            case .passed(let detail): text += "  \(style.paint("ok    ", .good))  \(name)\(detail)\n"
            case .leftOut(let reason): text += "  \(style.paint("left  ", .faint))  \(name)\(reason)\n"
            case .failed(let fault):
                text += "  \(style.paint("FAILED", .error))  \(name)\(fault.message)\n"
                if let script = fault.script { text += "          calls: \(script.text)\n" }
                text += "          again: rockctl env check \(environment) --only \(finding.name) --seed \(seed)"
                text += " --episodes \(episodes)\n"
            }
        }
        let failed = findings.count(where: \.hasFailed)
        let seconds = findings.reduce(0) { $0 + $1.seconds }
        let verdict =
            failed == 0
            ? style.paint("passes", .good) : style.paint("fails \(failed) of \(findings.count) checks", .error)
        return text + "\(environment) \(verdict) (\(number((seconds * 10).rounded() / 10)) s)\n"
    }

    var json: JSON {
        [
            "env_id": .string(environment), "passed": .bool(hasPassed), "seed": .number(JSON.Number(Int(seed))),
            "episodes": .number(JSON.Number(episodes)), "checks": .array(findings.map(\.json)),
        ]
    }
}

extension CheckFinding {
    var json: JSON {
        var object: JSON.Object = ["name": .string(name)]
        switch outcome {
        case .passed(let detail):
            object["outcome"] = "passed"
            object["detail"] = .string(detail)
        case .leftOut(let reason):
            object["outcome"] = "left_out"
            object["detail"] = .string(reason)
        case .failed(let fault):
            object["outcome"] = "failed"
            object["detail"] = .string(fault.message)
            object["counterexample"] = fault.script.map { script in
                [
                    "seed": script.seed.map { .number(JSON.Number(Int($0))) } ?? .null,
                    "actions": .array(script.actions.map { .string($0) }),
                ]
            }
        }
        object["seconds"] = double(seconds)
        return .object(object)
    }
}
