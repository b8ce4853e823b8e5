package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lnrnn.oracle.Oracle;
import dev.lnrnn.oracle.Problem;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** However many threads there are, and whatever they understand, they compute the same. */
@Tag("cpu")
class ProcessorTest {

    private static final int MOST_THREADS = 4;
    private static Device device;

    @BeforeAll
    static void open() {
        device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(2));
    }

    @AfterAll
    static void close() {
        device.close();
    }

    /** Every kind with all that is drawn, and once more so large that rows, units and gates are really shared out. */
    static Stream<LayerSpec> kinds() {
        Stream<LayerSpec> small = Variants.drawn(6, 19).stream();
        Stream<LayerSpec> wide = Variants.cells(40, 131).stream().map(spec -> spec.withZoneout(0.1));
        return supported(Stream.concat(small, wide));
    }

    static Stream<LayerSpec> cells() {
        return supported(Variants.cells(21, 67).stream().map(spec -> spec.withZoneout(0.1)));
    }

    private static Stream<LayerSpec> supported(Stream<LayerSpec> specs) {
        return specs.filter(spec -> Variants.isSupported(device, spec))
                .flatMap(spec -> Stream.of(DataType.F32, DataType.F64).map(spec::withDataType));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void anyNumberOfThreads(LayerSpec spec) {
        Problem problem = Problem.random(spec, 4, spec.hiddenSize() > 100 ? 2 : 9, 5);
        Map<String, double[]> expected = onThreads(1, problem);
        for (int threads = 1; threads <= MOST_THREADS; threads++) {
            Map<String, double[]> results = onThreads(threads, problem);
            Accuracy.assertClose(threads + " threads", results, expected, Accuracy.bound(spec.dataType()));
            for (String output : problem.hasCell() ? List.of("y", "hn", "cn") : List.of("y", "hn")) {
                assertArrayEquals(expected.get(output), results.get(output), output + " on " + threads);
            }
            Accuracy.assertSameBits(threads + " threads again", onThreads(threads, problem), results);
        }
    }

    private static Map<String, double[]> onThreads(int threads, Problem problem) {
        try (Device own = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(threads))) {
            assertEquals(threads, own.info().threads());
            return Run.results(own, problem);
        }
    }

    @ParameterizedTest
    @MethodSource("cells")
    void anyInstructionSet(LayerSpec spec) {
        Problem problem = Problem.random(spec, 4, 7, 8);
        Accuracy bound = Accuracy.bound(spec.dataType());
        Map<String, double[]> expected = Run.results(device, problem);
        Problem inference = problem.inference();
        for (String isa : device.info().isaAvailable()) {
            try (Device own = Device.open("cpu", DeviceOptions.DEFAULTS.withIsa(isa))) {
                assertEquals(isa, own.info().isa());
                Accuracy.assertClose(isa, Run.results(own, problem), expected, bound);
                Accuracy.assertClose(isa, Run.results(own, inference), Oracle.forward(inference), bound);
                Accuracy.assertClose(isa, Stepwise.results(own, inference, own::allocate),
                        Oracle.forward(inference), bound);
            }
        }
    }
}
