import GEM
import Transport

extension ExecuteRequest {
    /// - Throws: ``RockletException`` where the caller wants a failed program to be an error.
    func check(_ result: Execution.Result) throws(RockletException) {
        let code = result.status.exitCode
        guard checksExitCode, code != 0 else { return }
        let output = PythonText.quoted(text(result.output))
        let errors = PythonText.quoted(text(result.errors))
        throw RockletException(
            .nonZeroExitCode,
            (errorMessage.isEmpty ? "" : errorMessage + ": ")
                + "Command \(shown) failed with exit code \(code). Stdout:\n\(output)\nStderr:\n\(errors)")
    }

    func answer(_ result: Execution.Result) -> HTTPResponse {
        .json { json in
            json.name("stdout")
            write(result.output, to: &json)
            json.name("stderr")
            write(result.errors, to: &json)
            json.name("exit_code")
            json.integer(result.status.exitCode)
            if encoding == .base64 {
                json.name("encoding")
                json.string(encoding.rawValue)
            }
            for (name, output) in [("stdout_omitted_bytes", result.output), ("stderr_omitted_bytes", result.errors)]
            where output.omitted > 0 {
                json.name(name)
                json.integer(output.omitted)
            }
        }
    }

    private func text(_ output: CappedOutput) -> String {
        String(decoding: PythonText.decoded(output.marked), as: UTF8.self)
    }

    private func write(_ output: CappedOutput, to json: inout JSONWriter) {
        let bytes =
            switch encoding {
            case .text: PythonText.decoded(output.marked)
            case .base64: Base64.encode(output.bytes)
            }
        json.string(bytes.span)
    }
}

extension ChildStatus {
    /// The exit code as Python tells it: a signal's number is negative.
    var exitCode: Int32 {
        switch self {
        case .exited(let code): code
        case .signalled(let signal): -signal
        }
    }

    /// How it ended, for programs: `{"exit_code":3,"signal":null}`.
    var json: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.name("exit_code")
        if case .exited(let code) = self { json.integer(code) } else { json.null() }
        json.name("signal")
        if case .signalled(let signal) = self { json.integer(signal) } else { json.null() }
        json.endObject()
        return json.bytes
    }
}
