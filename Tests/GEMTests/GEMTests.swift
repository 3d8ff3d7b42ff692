import Testing

@testable import GEM
