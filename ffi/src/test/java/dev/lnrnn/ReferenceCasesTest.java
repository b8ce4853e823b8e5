package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lnrnn.oracle.Oracle;
import dev.lnrnn.oracle.Problem;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a float64 reference computed, within the bounds that each case carries. */
@Tag("device")
class ReferenceCasesTest {

    private static final Map<String, Accuracy> MEASURED = new TreeMap<>();
    private static Device device;

    @BeforeAll
    static void open() {
        device = TestDevice.open();
    }

    @AfterAll
    static void close() {
        device.close();
        System.out.printf("%-36s %12s %12s%n", "reference case", "outputs", "gradients");
        MEASURED.forEach(
                (name, error) -> System.out.printf("%-36s %12.2e %12.2e%n", name, error.outputs(), error.gradients()));
    }

    /** Every case in every type that it has a bound for. */
    static Stream<Arguments> cases() {
        return CaseFile.all().stream().flatMap(file -> Stream.of(DataType.values())
                .filter(type -> file.bound(type) != null)
                .map(type -> Arguments.of(file, type)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void holds(CaseFile file, DataType type) {
        Map<String, double[]> results = Run.results(device, file.problem(type));
        MEASURED.put(file + " " + type, Accuracy.of(results, file.expected()));
        Accuracy.assertClose(file + " " + type, results, file.expected(), file.bound(type));
    }

    /** The same with each instruction set; the device above has the best one. */
    @ParameterizedTest
    @MethodSource("cases")
    @Tag("cpu")
    void holdsWithEveryInstructionSet(CaseFile file, DataType type) {
        for (String isa : device.info().isaAvailable()) {
            try (Device other = Device.open(TestDevice.NAME, DeviceOptions.DEFAULTS.withIsa(isa))) {
                Accuracy.assertClose(file + " " + type + " " + isa, Run.results(other, file.problem(type)),
                        file.expected(), file.bound(type));
            }
        }
    }

    /** Inference differs from a training case only where something is dropped. */
    @ParameterizedTest
    @MethodSource("cases")
    void holdsForInference(CaseFile file, DataType type) {
        Problem problem = file.problem(type).inference();
        Accuracy.assertClose(file + " " + type,
                Run.results(device, problem), Oracle.forward(problem), file.bound(type));
    }

    @Test
    void everyTypeIsAskedFor() {
        Map<DataType, Long> asked = CaseFile.all().stream().flatMap(file -> Stream.of(DataType.values())
                .filter(type -> file.bound(type) != null))
                .collect(Collectors.groupingBy(type -> type, Collectors.counting()));
        assertEquals(Set.of(DataType.values()), asked.keySet(), asked::toString);
    }
}
