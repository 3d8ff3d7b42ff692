import Testing

@Suite struct RockletServicesTests {}
