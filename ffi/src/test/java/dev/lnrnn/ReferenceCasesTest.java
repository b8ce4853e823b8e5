package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lnrnn.oracle.Oracle;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
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
        MEASURED.forEach((name, error) ->
                System.out.printf("%-36s %12.2e %12.2e%n", name, error.outputs(), error.gradients()));
    }

    static Stream<CaseFile> supported() {
        return CaseFile.all().stream().filter(CaseFile::isSupported);
    }

    static Stream<CaseFile> notYetSupported() {
        return CaseFile.all().stream().filter(file -> !file.isSupported());
    }

    @ParameterizedTest
    @MethodSource("supported")
    void holdsInF64(CaseFile file) {
        assertHolds(file, DataType.F64);
    }

    @ParameterizedTest
    @MethodSource("supported")
    void holdsInF32(CaseFile file) {
        assertHolds(file, DataType.F32);
    }

    /** Inference differs from a training case only where something is dropped. */
    @ParameterizedTest
    @MethodSource("supported")
    void holdsForInference(CaseFile file) {
        for (DataType type : new DataType[] {DataType.F64, DataType.F32}) {
            var problem = file.problem(type).inference();
            Accuracy.assertClose(file + " " + type,
                    Run.results(device, problem), Oracle.forward(problem), file.bound(type));
        }
    }

    @ParameterizedTest
    @MethodSource("notYetSupported")
    void refusesWhatIsNotThereYet(CaseFile file) {
        for (DataType type : new DataType[] {DataType.F64, DataType.F32}) {
            assertRefused(file.spec(type));
        }
    }

    @ParameterizedTest
    @MethodSource("supported")
    void refusesHalfPrecision(CaseFile file) {
        for (DataType type : new DataType[] {DataType.F16, DataType.BF16}) {
            assertRefused(file.spec(type));
        }
    }

    @Test
    void refusesZoneoutOfTheCell() {
        assertRefused(LayerSpec.lstm(3, 4).withZoneoutCell(0.5));
    }

    private static void assertHolds(CaseFile file, DataType type) {
        Map<String, double[]> results = Run.results(device, file.problem(type));
        MEASURED.put(file + " " + type, Accuracy.of(results, file.expected()));
        Accuracy.assertClose(file + " " + type, results, file.expected(), file.bound(type));
    }

    private static void assertRefused(LayerSpec spec) {
        LnrnnException refusal = assertThrows(LnrnnException.class, () -> device.createPlan(spec).close(),
                () -> spec + " is there now: compare its reference case instead");
        assertEquals(Status.NOT_SUPPORTED, refusal.status(), refusal.getMessage());
    }
}
