import Testing

@testable import SandboxHost
