package import GEM
package import Transport

/// A failure as callers of the in-sandbox interface know it: by the Python class that they raise.
package struct RockletException: Error, Equatable, Sendable {
    package let kind: Kind
    /// One sentence or more for people.
    package let message: String
    /// More for programs; mostly empty.
    package var extraInfo: JSON.Object = [:]

    package init(_ kind: Kind, _ message: String, extraInfo: JSON.Object = [:]) {
        self.kind = kind
        self.message = message
        self.extraInfo = extraInfo
    }

    /// The class that a caller raises.
    package enum Kind: String, CaseIterable, Sendable {
        case sessionNotInitialized = "rock.rocklet.exceptions.SessionNotInitializedError"
        case nonZeroExitCode = "rock.rocklet.exceptions.NonZeroExitCodeError"
        case bashIncorrectSyntax = "rock.rocklet.exceptions.BashIncorrectSyntaxError"
        case commandTimeout = "rock.rocklet.exceptions.CommandTimeoutError"
        case noExitCode = "rock.rocklet.exceptions.NoExitCodeError"
        case sessionExists = "rock.rocklet.exceptions.SessionExistsError"
        case sessionDoesNotExist = "rock.rocklet.exceptions.SessionDoesNotExistError"
        /// The shell of a session has gone.
        case endOfFile = "pexpect.exceptions.EOF"
        case fileNotFound = "builtins.FileNotFoundError"
        case fileExists = "builtins.FileExistsError"
        case isADirectory = "builtins.IsADirectoryError"
        case notADirectory = "builtins.NotADirectoryError"
        case permission = "builtins.PermissionError"
        case operatingSystem = "builtins.OSError"
        case unicodeDecode = "builtins.UnicodeDecodeError"
        case unicodeEncode = "builtins.UnicodeEncodeError"
        case lookup = "builtins.LookupError"
        case key = "builtins.KeyError"
        case value = "builtins.ValueError"
        case runtime = "builtins.RuntimeError"
        case badZipFile = "zipfile.BadZipFile"
    }

    /// A failed system call as Python words it: `[Errno 2] No such file or directory: 'x'`.
    ///
    /// - Parameters:
    ///   - errno: The kernel's reason.
    ///   - subject: What the call was about, usually a path.
    package init(errno: Int32, _ subject: String) {
        let kind: Kind =
            switch errno {
            case 1, 13: .permission
            case 2: .fileNotFound
            case 17: .fileExists
            case 20: .notADirectory
            case 21: .isADirectory
            default: .operatingSystem
            }
        self.init(kind, "[Errno \(errno)] \(ErrorText.of(errno)): \(PythonText.quoted(subject))")
    }

    /// The HTTP answer that carries it.
    package var response: HTTPResponse {
        .json(511) { json in
            json.name("rockletexception")
            json.beginObject()
            json.name("message")
            json.string(message)
            json.name("class_path")
            json.string(kind.rawValue)
            json.name("traceback")
            json.string("")
            json.name("extra_info")
            json.value(.object(extraInfo))
            json.endObject()
        }
    }
}

extension Failure {
    /// The answer of paths that ROCK does not have: the failure's own status, its sentence and its kind.
    var response: HTTPResponse {
        .json(HTTPStatus(rawValue: UInt16(kind.httpStatus))) { json in
            json.name("detail")
            json.string(message)
            json.name("kind")
            json.string(kind.rawValue)
        }
    }
}
