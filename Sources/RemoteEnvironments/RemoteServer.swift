import Dispatch
public import GEM
import Glibc
import HostNames
import Synchronization
import Transport

// Environments of a server, in a program of one's own:
//
//     let server = try RemoteServer(url: "http://127.0.0.1:8080")
//     var episode = EpisodeDriver(try RemoteEnvironment("game:Sokoban-v0-easy", over: server))

/// A Rock server, reached over HTTP by connections that stay open.
public struct RemoteServer: RemoteCarrier {
    private let client: HTTPClient
    private let target: String
    private let headers: [HTTPField]
    private let url: String
    private let timeout: Duration

    /// Carries the connections of all servers, for as long as the process lives.
    private static let loop = Result { try EventLoop(name: "remote") }
    private static let largestAnswer = 256 << 20

    /// Connects to nothing yet; a host that is named is looked up, which may take a while.
    ///
    /// - Parameters:
    ///   - url: Such as `http://127.0.0.1:8080`; a path in it goes in front of `/rpc`.
    ///   - key: An API key, where the server asks for one.
    ///   - timeout: How long one call may take.
    /// - Throws: ``Failure`` of kind `invalidArgument` for a URL that is none, `infraFailed` for a host without an address.
    public init(url: String, key: String? = nil, timeout: Duration = .seconds(60)) throws(Failure) {
        guard let loop = try? Self.loop.get() else {
            throw Failure(.infraFailed, "No thread or no descriptor is left for connections.")
        }
        do throws(HTTPPlace.Fault) {
            let place = try HTTPPlace(url)
            var configuration = HTTPClientConfiguration()
            configuration.idleTimeout = timeout
            configuration.maximumIdleConnections = 64
            client = HTTPClient(try place.address(), host: place.authority, on: loop, configuration: configuration)
            target = place.path + "/rpc"
        } catch .secure {
            throw Failure(
                .invalidArgument, "\(url) asks for TLS, which is not spoken. Reach the server through a tunnel.")
        } catch .malformed {
            throw Failure(.invalidArgument, "\(url) is not the URL of a server. Write it as http://127.0.0.1:8080.")
        } catch {
            throw Failure(.infraFailed, "No address is known for the host of \(url).")
        }
        let authorization = key.map { [HTTPField("Authorization", "Bearer \($0)")] } ?? []
        headers = [HTTPField("Content-Type", "application/json")] + authorization
        self.url = url
        self.timeout = timeout
    }

    public func exchange(_ message: [UInt8]) throws(Failure) -> [UInt8] {
        let answer = Answer()
        let request = HTTPClientRequest("POST", target, headers: headers, body: message)
        Task(executorPreference: client.loop) { [self] in
            do {
                let response: HTTPClientResponse
                do {
                    response = try await client.send(request, limit: Self.largestAnswer)
                } catch ConnectionError.closed {
                    // A server that has been started again closed the connections that were kept.
                    response = try await client.send(request, limit: Self.largestAnswer)
                }
                answer.give(taken(response))
            } catch ConnectionError.timedOut {
                answer.give(.failure(Failure(.timeout, "\(url) has not answered within \(timeout).")))
            } catch let error as ConnectionError {
                answer.give(.failure(Failure(.infraFailed, "\(url) cannot be reached: \(error).")))
            } catch {
                answer.give(
                    .failure(Failure(.infraFailed, "\(url) does not speak HTTP as a Rock server does: \(error).")))
            }
        }
        return try answer.wait().get()
    }

    private func taken(_ response: HTTPClientResponse) -> Result<[UInt8], Failure> {
        switch response.status.rawValue {
        case 200: .success(response.body)
        case 401: .failure(Failure(.unauthorized, "\(url) asks for an API key, and knows none such."))
        case let status: .failure(Failure(.infraFailed, "\(url)\(target) answers \(status): is it a Rock server?"))
        }
    }
}

/// An answer that one thread waits for and another gives.
private final class Answer: Sendable {
    private let result = Mutex<Result<[UInt8], Failure>?>(nil)
    private let isGiven = DispatchSemaphore(value: 0)

    func give(_ result: Result<[UInt8], Failure>) {
        self.result.withLock { $0 = result }
        isGiven.signal()
    }

    func wait() -> Result<[UInt8], Failure> {
        isGiven.wait()
        return result.withLock { $0 } ?? .failure(Failure(.internalError, "No answer was given."))
    }
}
