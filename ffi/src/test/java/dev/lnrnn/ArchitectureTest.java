package dev.lnrnn;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The walls between the rooms of the module. */
class ArchitectureTest {

    private static final JavaClasses MODULE = new ClassFileImporter().importPath(ExportedApi.classes());

    /** What a failing call of the native library becomes: users catch it, and {@code internal} throws it. */
    private static final DescribedPredicate<JavaClass> ERRORS = JavaClass.Predicates.belongToAnyOf(
            LnrnnException.class, DeviceLostException.class, Status.class);

    /** The packages, with the errors as a room of their own beneath {@code internal}. */
    private static final SliceAssignment ROOMS = new SliceAssignment() {
        @Override
        public SliceIdentifier getIdentifierOf(JavaClass type) {
            return SliceIdentifier.of(ERRORS.test(type) ? "errors" : type.getPackageName());
        }

        @Override
        public String getDescription() {
            return "packages and errors";
        }
    };

    @Test
    void exportsTwoPackages() {
        assertEquals(Set.of("dev.lnrnn", "dev.lnrnn.interop"), ExportedApi.packages());
    }

    @Test
    void exportedSignaturesShowExportedTypesOnly() {
        List<String> hidden = new ArrayList<>();
        for (Executable method : ExportedApi.methods()) {
            List<Type> types = new ArrayList<>(Arrays.asList(method.getGenericParameterTypes()));
            types.addAll(Arrays.asList(method.getGenericExceptionTypes()));
            if (method instanceof Method returning) {
                types.add(returning.getGenericReturnType());
            }
            types.stream().map(Type::getTypeName)
                    .filter(name -> name.contains("dev.lnrnn.raw.") || name.contains("dev.lnrnn.internal."))
                    .forEach(name -> hidden.add(method + " shows " + name));
        }
        assertEquals(List.of(), hidden);
    }

    @Test
    void exportedTypesExtendExportedTypesOnly() {
        for (Class<?> type : ExportedApi.types()) {
            for (Class<?> parent = type; parent != null; parent = parent.getSuperclass()) {
                String name = parent.getPackageName();
                assertFalse(name.equals("dev.lnrnn.raw") || name.equals("dev.lnrnn.internal"),
                        type + " extends " + parent);
            }
        }
    }

    @Test
    void roomsDependOnEachOtherOneWay() {
        slices().assignedFrom(ROOMS).should().beFreeOfCycles().check(MODULE);
    }

    /** Loading, handles and status to exception, for devices and all that is made through them. */
    @Test
    void internalKnowsErrorsAndBindingsAlone() {
        classes().that().resideInAPackage("dev.lnrnn.internal")
                .should().onlyDependOnClassesThat(ERRORS.or(resideInAnyPackage(
                        "dev.lnrnn.internal", "dev.lnrnn.raw", "java..", "org.jspecify..")))
                .check(MODULE);
    }

    @Test
    void bindingsKnowNothingOfTheirUsers() {
        classes().that().resideInAPackage("dev.lnrnn.raw")
                .should().onlyDependOnClassesThat(resideInAnyPackage("dev.lnrnn.raw", "java.."))
                .check(MODULE);
    }

    /** Files of weights are read and written without any device. */
    @Test
    void interopNeedsNoNativeLibrary() {
        noClasses().that().resideInAPackage("dev.lnrnn.interop")
                .should().dependOnClassesThat(resideInAnyPackage("dev.lnrnn.raw", "dev.lnrnn.internal"))
                .check(MODULE);
    }

    @Test
    void jsonStaysInInterop() {
        noClasses().that().resideOutsideOfPackage("dev.lnrnn.interop")
                .should().dependOnClassesThat(resideInAPackage("com.fasterxml.."))
                .check(MODULE);
    }

    /** Native memory is given an extent, and native code is found and loaded, in few places. */
    @Test
    void restrictedMethodsStayWhereNativeObjectsAreMade() {
        noClasses().that().resideOutsideOfPackages("dev.lnrnn.raw", "dev.lnrnn.internal")
                .and().doNotBelongToAnyOf(ArenaRegistrations.class)
                .should().callMethodWhere(RestrictedMethods.called())
                .check(MODULE);
    }

    /** The bindings have a trace of their own, for a property of jextract's. */
    @Test
    void aLibraryNeitherPrintsNorExits() {
        noClasses().that().resideOutsideOfPackage("dev.lnrnn.raw")
                .should().callMethod(System.class, "exit", int.class)
                .orShould().accessField(System.class, "out")
                .orShould().accessField(System.class, "err")
                .check(MODULE);
    }
}
