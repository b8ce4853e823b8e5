package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** No pass reads or writes a byte outside its buffers. */
class GuardPageTest {

    static Stream<Arguments> kernels() {
        List<String> available = Device.available().getFirst().isaAvailable();
        return available.stream()
                .flatMap(isa -> Stream.of(DataType.F32, DataType.F64).map(type -> Arguments.of(isa, type)));
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void staysInside(String isa, DataType type) throws IOException, InterruptedException {
        ChildJvm child = ChildJvm.run(Duration.ofSeconds(60), List.of("-cp", ChildJvm.classPath(),
                "-XX:-CreateCoredumpOnCrash", "-XX:ErrorFile=/dev/null",
                GuardPages.class.getName(), isa, type.name()));
        assertEquals(0, child.exitCode(), child.output());
    }
}
