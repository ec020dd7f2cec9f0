(** * Finite sums over R, and their derivatives

    An index set is a list [X] of any type: [n] actions are a list of length [n], pairs of a state
    and an action are a list of pairs.
    So every statement of these files is one about every number of actions.
    Where an index must not occur twice, the statement says [NoDup X]. *)

From Coq Require Export Reals List Lra Lia FunctionalExtensionality.
Export ListNotations.
Open Scope R_scope.

Fixpoint sum {T : Type} (X : list T) (f : T -> R) : R :=
  match X with
  | [] => 0
  | x :: rest => f x + sum rest f
  end.

(** [∑ x ∈ X, e] binds like a product: [∑ x ∈ X, a * b + c] is [(∑ x ∈ X, a * b) + c].
    After *, / and a minus sign it is put in parentheses, where Coq would read on beyond [+]. *)
Notation "∑ x ∈ X , e" := (sum X (fun x => e))
  (at level 45, x name, X at level 44, e at level 45, right associativity).

(** 1 where two indices are equal, else 0. *)
Definition indicator {T : Type} (eq_dec : forall x y : T, {x = y} + {x <> y}) (x y : T) : R :=
  if eq_dec x y then 1 else 0.

(** ** Rules of calculation *)

Lemma sum_ext : forall {T : Type} (X : list T) (f g : T -> R),
  (forall x, In x X -> f x = g x) -> sum X f = sum X g.
Proof.
  intros T X f g same. induction X as [|x X IH]; simpl; [reflexivity|].
  rewrite (same x) by (left; reflexivity).
  rewrite IH by (intros y inside; apply same; right; exact inside).
  reflexivity.
Qed.

Lemma sum_plus : forall {T : Type} (X : list T) (f g : T -> R),
  ∑ x ∈ X, (f x + g x) = sum X f + sum X g.
Proof. intros T X f g. induction X as [|x X IH]; simpl; lra. Qed.

Lemma sum_minus : forall {T : Type} (X : list T) (f g : T -> R),
  ∑ x ∈ X, (f x - g x) = sum X f - sum X g.
Proof. intros T X f g. induction X as [|x X IH]; simpl; lra. Qed.

Lemma sum_opp : forall {T : Type} (X : list T) (f : T -> R),
  ∑ x ∈ X, - f x = - sum X f.
Proof. intros T X f. induction X as [|x X IH]; simpl; lra. Qed.

Lemma sum_scal : forall {T : Type} (X : list T) (c : R) (f : T -> R),
  ∑ x ∈ X, c * f x = c * sum X f.
Proof. intros T X c f. induction X as [|x X IH]; simpl; [lra|rewrite IH; lra]. Qed.

Lemma sum_scal_r : forall {T : Type} (X : list T) (f : T -> R) (c : R),
  ∑ x ∈ X, f x * c = sum X f * c.
Proof. intros T X f c. induction X as [|x X IH]; simpl; [lra|rewrite IH; lra]. Qed.

Lemma sum_const : forall {T : Type} (X : list T) (c : R),
  ∑ _x ∈ X, c = INR (length X) * c.
Proof.
  intros T X c. induction X as [|x X IH]; [simpl; lra|].
  change (length (x :: X)) with (S (length X)). rewrite S_INR. simpl. rewrite IH. lra.
Qed.

Lemma sum_zero : forall {T : Type} (X : list T) (f : T -> R),
  (forall x, In x X -> f x = 0) -> sum X f = 0.
Proof.
  intros T X f zero. rewrite (sum_ext X f (fun _ => 0) zero), sum_const. lra.
Qed.

Lemma sum_app : forall {T : Type} (X Y : list T) (f : T -> R),
  sum (X ++ Y) f = sum X f + sum Y f.
Proof. intros T X Y f. induction X as [|x X IH]; simpl; lra. Qed.

Lemma sum_map : forall {T U : Type} (X : list T) (m : T -> U) (f : U -> R),
  sum (map m X) f = ∑ x ∈ X, f (m x).
Proof.
  intros T U X m f. induction X as [|x X IH]; simpl; [reflexivity|].
  rewrite IH. reflexivity.
Qed.

(** A sum over pairs is a sum of sums. *)
Lemma sum_pairs : forall {T U : Type} (X : list T) (Y : list U) (f : T * U -> R),
  sum (list_prod X Y) f = ∑ x ∈ X, ∑ y ∈ Y, f (x, y).
Proof.
  intros T U X Y f. induction X as [|x X IH]; simpl; [reflexivity|].
  rewrite sum_app, sum_map, IH. reflexivity.
Qed.

Lemma sum_swap : forall {T U : Type} (X : list T) (Y : list U) (f : T -> U -> R),
  ∑ x ∈ X, ∑ y ∈ Y, f x y = ∑ y ∈ Y, ∑ x ∈ X, f x y.
Proof.
  intros T U X Y f. induction X as [|x X IH]; simpl.
  - symmetry. apply sum_zero. reflexivity.
  - rewrite IH, sum_plus. reflexivity.
Qed.

(** The indicator picks one term. *)
Lemma sum_indicator : forall {T : Type} (eq_dec : forall x y : T, {x = y} + {x <> y})
  (X : list T) (f : T -> R) (a : T),
  NoDup X -> In a X -> ∑ x ∈ X, f x * indicator eq_dec x a = f a.
Proof.
  intros T eq_dec X f a once inside.
  induction X as [|x X IH]; simpl; [contradiction inside|].
  apply NoDup_cons_iff in once. destruct once as [fresh once].
  unfold indicator at 1. destruct (eq_dec x a) as [same|different].
  - subst x. rewrite sum_zero; [lra|].
    intros y inside'. unfold indicator. destruct (eq_dec y a) as [e|_]; [subst; contradiction|lra].
  - destruct inside as [e|inside]; [contradiction|]. rewrite IH by assumption. lra.
Qed.

(** ** Inequalities *)

Lemma sum_le : forall {T : Type} (X : list T) (f g : T -> R),
  (forall x, In x X -> f x <= g x) -> sum X f <= sum X g.
Proof.
  intros T X f g below. induction X as [|x X IH]; simpl; [lra|].
  apply Rplus_le_compat.
  - apply below. left. reflexivity.
  - apply IH. intros y inside. apply below. right. exact inside.
Qed.

Lemma sum_nonneg : forall {T : Type} (X : list T) (f : T -> R),
  (forall x, In x X -> 0 <= f x) -> 0 <= sum X f.
Proof.
  intros T X f nonneg. rewrite <- (sum_zero X (fun _ => 0)) by reflexivity.
  apply sum_le. exact nonneg.
Qed.

Lemma sum_pos : forall {T : Type} (X : list T) (f : T -> R),
  X <> [] -> (forall x, In x X -> 0 < f x) -> 0 < sum X f.
Proof.
  intros T X f filled pos. destruct X as [|x X]; [contradiction filled; reflexivity|]. simpl.
  apply Rplus_lt_le_0_compat.
  - apply pos. left. reflexivity.
  - apply sum_nonneg. intros y inside. apply Rlt_le, pos. right. exact inside.
Qed.

(** Terms that are not negative add up to zero only if each is zero. *)
Lemma sum_nonneg_zero : forall {T : Type} (X : list T) (f : T -> R),
  (forall x, In x X -> 0 <= f x) -> sum X f = 0 -> forall x, In x X -> f x = 0.
Proof.
  intros T X f nonneg. induction X as [|x X IH]; simpl; intros zero y inside; [contradiction|].
  assert (head : 0 <= f x) by (apply nonneg; left; reflexivity).
  assert (tail : 0 <= sum X f).
  { apply sum_nonneg. intros z inside'. apply nonneg. right. exact inside'. }
  destruct inside as [same|inside]; [subst y; lra|].
  apply IH; [intros z inside'; apply nonneg; right; exact inside'|lra|exact inside].
Qed.

(** One term is at most the sum, if no term is negative. *)
Lemma sum_term_le : forall {T : Type} (X : list T) (f : T -> R),
  (forall x, In x X -> 0 <= f x) -> forall x, In x X -> f x <= sum X f.
Proof.
  intros T X f nonneg. induction X as [|x X IH]; simpl; intros y inside; [contradiction|].
  assert (head : 0 <= f x) by (apply nonneg; left; reflexivity).
  assert (tail : 0 <= sum X f).
  { apply sum_nonneg. intros z inside'. apply nonneg. right. exact inside'. }
  destruct inside as [same|inside]; [subst y; lra|].
  assert (f y <= sum X f); [|lra].
  apply IH; [intros z inside'; apply nonneg; right; exact inside'|exact inside].
Qed.

(** ** Derivatives *)

Lemma derivative_ext : forall (f g : R -> R) (t l : R),
  (forall u, f u = g u) -> derivable_pt_lim f t l -> derivable_pt_lim g t l.
Proof.
  intros f g t l same lim eps pos. destruct (lim eps pos) as [delta close].
  exists delta. intros h nonzero small. rewrite <- !same. apply close; assumption.
Qed.

Lemma derivative_value : forall (f : R -> R) (t l l' : R),
  l = l' -> derivable_pt_lim f t l -> derivable_pt_lim f t l'.
Proof. intros f t l l' same lim. rewrite <- same. exact lim. Qed.

Lemma derivative_sum : forall {T : Type} (X : list T) (f : R -> T -> R) (t : R) (f' : T -> R),
  (forall x, In x X -> derivable_pt_lim (fun u => f u x) t (f' x)) ->
  derivable_pt_lim (fun u => sum X (f u)) t (sum X f').
Proof.
  intros T X f t f' terms. induction X as [|x X IH]; simpl.
  - apply derivable_pt_lim_const.
  - apply (derivable_pt_lim_plus (fun u => f u x) (fun u => sum X (f u))).
    + apply terms. left. reflexivity.
    + apply IH. intros y inside. apply terms. right. exact inside.
Qed.

(** A straight line moves with its direction. *)
Lemma derivative_line : forall x v t : R, derivable_pt_lim (fun u => x + u * v) t v.
Proof.
  intros x v t.
  apply derivative_value with (0 + (1 * v + t * 0)); [ring|].
  apply (derivable_pt_lim_plus (fun _ => x) (fun u => u * v)).
  - apply derivable_pt_lim_const.
  - apply (derivable_pt_lim_mult (fun u => u) (fun _ => v)).
    + apply derivable_pt_lim_id.
    + apply derivable_pt_lim_const.
Qed.

Lemma derivative_exp : forall (f : R -> R) (t l : R),
  derivable_pt_lim f t l -> derivable_pt_lim (fun u => exp (f u)) t (exp (f t) * l).
Proof.
  intros f t l lim.
  apply (derivable_pt_lim_comp f exp); [exact lim|apply derivable_pt_lim_exp].
Qed.

Lemma derivative_ln : forall (f : R -> R) (t l : R),
  0 < f t -> derivable_pt_lim f t l -> derivable_pt_lim (fun u => ln (f u)) t (/ f t * l).
Proof.
  intros f t l pos lim.
  apply (derivable_pt_lim_comp f ln); [exact lim|apply derivable_pt_lim_ln; exact pos].
Qed.
