package dev.lnrnn;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import java.util.Set;

/** The methods for which Java asks for --enable-native-access. */
final class RestrictedMethods {

    private static final Set<String> NAMES = Set.of(
            "java.lang.System.load",
            "java.lang.System.loadLibrary",
            "java.lang.foreign.AddressLayout.withTargetLayout",
            "java.lang.foreign.Linker.downcallHandle",
            "java.lang.foreign.Linker.upcallStub",
            "java.lang.foreign.MemorySegment.reinterpret",
            "java.lang.foreign.SymbolLookup.libraryLookup");

    private RestrictedMethods() {}

    static DescribedPredicate<JavaMethodCall> called() {
        return DescribedPredicate.describe("the target is a restricted method",
                call -> NAMES.contains(call.getTargetOwner().getName() + "." + call.getName()));
    }
}
