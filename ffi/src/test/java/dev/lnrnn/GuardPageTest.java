package dev.lnrnn;

import dev.lnrnn.oracle.Masks;
import dev.lnrnn.oracle.OracleLstm;
import dev.lnrnn.oracle.Problem;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * No pass reads or writes a byte outside its buffers, at sizes that fill no vector and no tile. A pass that does
 * ends this JVM; the sizes are in the name of the test that was running.
 */
class GuardPageTest {

    private static Device device;

    @BeforeAll
    static void open() {
        device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(2));
    }

    @AfterAll
    static void close() {
        device.close();
    }

    static Stream<Arguments> sizes() {
        return Stream.of(GuardedMemory.Side.values()).flatMap(side ->
                Stream.of(DataType.F32, DataType.F64).flatMap(type ->
                        Stream.of(1, 3, 17, 33).flatMap(hidden ->
                                Stream.of(1, 2, 5, 13).map(batch -> Arguments.of(side, type, hidden, batch)))));
    }

    @ParameterizedTest(name = "page {0}, {1}, H = {2}, N = {3}")
    @MethodSource("sizes")
    void staysInside(GuardedMemory.Side side, DataType type, int hidden, int batch) {
        for (String isa : device.info().isaAvailable()) {
            for (Normalization normalization : new Normalization[] {Normalization.NONE, Normalization.HASTE}) {
                LayerSpec spec = LayerSpec.lstm(hidden + 2, hidden).withDataType(type)
                        .withNormalization(normalization).withZoneout(0.25).withDropconnect(0.25);
                assertStaysInside(side, isa, Problem.random(spec, 3, batch, hidden));
            }
        }
    }

    private static void assertStaysInside(GuardedMemory.Side side, String isa, Problem problem) {
        Accuracy bound = Accuracy.bound(problem.spec().dataType());
        Problem inference = problem.inference();
        Map<String, double[]> expected = OracleLstm.forward(inference);
        try (Device own = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(2).withIsa(isa));
                GuardedMemory memory = new GuardedMemory(own, side)) {
            Map<String, double[]> trained = Run.results(own, problem);
            Problem masked = problem.withMasks(Masks.zoneout(problem), Masks.dropconnect(problem));
            for (Problem each : List.of(problem, masked)) {
                Accuracy.assertSameBits("training",
                        Run.results(own, each, Layout.TIME_MAJOR, memory), trained);
            }
            Accuracy.assertClose("inference",
                    Run.results(own, inference, Layout.TIME_MAJOR, memory), expected, bound);
            Accuracy.assertClose("steps", Stepwise.results(own, inference, memory), expected, bound);
        }
    }
}
