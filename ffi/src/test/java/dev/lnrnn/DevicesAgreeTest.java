package dev.lnrnn;

import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.lnrnn.oracle.Problem;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Another device gives what the processor gives: outputs and gradients of as few kinds of layers as show all pairs. */
@Tag("device")
class DevicesAgreeTest {

    private static final int STEPS = 4;
    private static final int BATCH = 3;
    private static final int INPUTS = 5;
    private static final int HIDDEN = 19;
    private static Device device;
    private static Device processor;

    @BeforeAll
    static void open() {
        assumeFalse(TestDevice.isCpu(), "the processor agrees with itself");
        device = TestDevice.open();
        processor = Device.open("cpu");
    }

    @AfterAll
    static void close() {
        if (device != null) {
            device.close();
            processor.close();
        }
    }

    static List<Problem> problems() {
        List<Problem> all = Variants.all(INPUTS, HIDDEN).stream()
                .filter(spec -> Variants.isSupported(device, spec) && Variants.isSupported(processor, spec))
                .map(spec -> Problem.random(spec, STEPS, BATCH, spec.toString().hashCode()))
                .flatMap(problem -> Stream.of(problem, problem.withLengths(2, STEPS, 0)))
                .toList();
        return Variants.covering(all, DevicesAgreeTest::options);
    }

    private static List<Object> options(Problem problem) {
        List<Object> options = new ArrayList<>(Variants.options(problem.spec()));
        options.add(problem.lengths() != null);
        return options;
    }

    @ParameterizedTest
    @MethodSource("problems")
    void onAllPairsOfOptions(Problem problem) {
        for (DataType type : new DataType[] {DataType.F64, DataType.F32}) {
            Problem typed = problem.with(problem.spec().withDataType(type));
            for (Problem each : List.of(typed, typed.inference())) {
                Accuracy.assertClose(each.spec() + (each.training() ? ", training" : ", inference"),
                        Run.results(device, each), Run.results(processor, each), Accuracy.bound(type));
            }
        }
    }
}
