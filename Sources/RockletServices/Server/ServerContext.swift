package import Transport

/// What the services of one server share.
package struct ServerContext: Sendable {
    /// The one loop that everything runs on.
    package let loop: EventLoop
    package let children: Children
    package let log: ServerLog
    package let options: ServeOptions
    /// The environment that programs get: the image's, in which this process was started.
    package let environment: ProcessEnvironment
}
